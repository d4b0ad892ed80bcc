#include "fusion/ffkernel_attention.h"

#include "data/settings.h"

namespace fusion {
namespace {

constexpr double kEps = 1e-6;  // added to the denominator

/// Sums over a whole sequence need float32's digits.
torch::Tensor widened(const torch::Tensor& x) { return x.scalar_type() == torch::kFloat64 ? x : x.to(torch::kFloat32); }

}  // namespace

void FfkernelAttentionImpl::check(const AttentionOptions& options) {
  data::find_named("kernel", options.kernel, feature_kernel_forms());
  data::check_at_least("kernel-depth", options.kernel_depth, 1);
}

FfkernelAttentionImpl::FfkernelAttentionImpl(const AttentionOptions& options) : options_(options) {
  query_ = register_module("query", torch::nn::Linear(options.dim, options.dim));
  key_ = register_module("key", torch::nn::Linear(options.dim, options.dim));
  value_ = register_module("value", torch::nn::Linear(options.dim, options.dim));
  out_ = register_module("out", torch::nn::Linear(options.dim, options.dim));
  kernel_ = register_module("kernel", FeatureKernel(options));
}

AttentionOutput FfkernelAttentionImpl::self(const Sequence& x, const torch::Tensor& state) {
  return cross(x, x, state);
}

AttentionOutput FfkernelAttentionImpl::cross(const Sequence& queries, const Sequence& keys, const torch::Tensor&) {
  const int64_t heads = options_.heads, batch = queries.features.size(0), d_h = options_.dim / heads;
  const torch::Tensor q = features(query_(queries.features));  // (h, B, Tq, d_h)
  torch::Tensor k = features(key_(keys.features));             // (h, B, Tk, d_h)
  if (keys.padding.defined()) k = k.masked_fill(keys.padding.unsqueeze(-1), 0);
  const torch::Tensor v = widened(by_head(value_(keys.features)));
  // A column of ones beside V: the same two products give the numerator and, last, the denominator.
  const torch::Tensor ones = torch::ones({1}, v.options()).expand({heads, batch, v.size(2), 1});
  const torch::Tensor sums =
      torch::bmm(k.flatten(0, 1).transpose(1, 2), torch::cat({v, ones}, -1).flatten(0, 1));  // (h B, d_h, d_h + 1)
  const torch::Tensor all = torch::bmm(q.flatten(0, 1), sums);                               // (h B, Tq, d_h + 1)
  const torch::Tensor mean = all.narrow(-1, 0, d_h) / (all.narrow(-1, d_h, 1) + kEps);       // (h B, Tq, d_h)
  const torch::Tensor joined = mean.unflatten(0, {heads, batch}).permute({1, 2, 0, 3}).flatten(2);  // (B, Tq, D)
  return {out_(joined.to(queries.features.scalar_type())), {}};
}

torch::Tensor FfkernelAttentionImpl::by_head(const torch::Tensor& x) const {
  return x.unflatten(-1, {options_.heads, options_.dim / options_.heads}).permute({2, 0, 1, 3});
}

torch::Tensor FfkernelAttentionImpl::features(const torch::Tensor& x) {
  const torch::Tensor rows = by_head(x).flatten(1, 2);  // (h, B n, d_h), a view
  return widened(kernel_(rows)).unflatten(1, {x.size(0), x.size(1)});
}

}  // namespace fusion
