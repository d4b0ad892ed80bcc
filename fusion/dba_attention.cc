#include "fusion/dba_attention.h"

#include <cmath>
#include <stdexcept>

namespace fusion {

DbaAttentionImpl::DbaAttentionImpl(const AttentionOptions& options) : options_(options) {
  const int64_t dim = options.dim, d_in = options.d_in;
  pq_ = register_module("pq", torch::nn::Linear(dim, d_in));
  pk_ = register_module("pk", torch::nn::Linear(dim, d_in));
  pv_ = register_module("pv", torch::nn::Linear(dim, dim));
  q_ = register_module("q", torch::nn::Linear(dim, d_in));
  k_ = register_module("k", torch::nn::Linear(dim, d_in));
  v_ = register_module("v", torch::nn::Linear(dim, dim));
  len_ = register_module("len", torch::nn::Linear(dim, options.heads * options.d_p));
  out_ = register_module("out", torch::nn::Linear(dim, dim));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})));
}

AttentionOutput DbaAttentionImpl::self(const Sequence& x, const torch::Tensor& state) {
  return attend(x, state, /*keys_are_z=*/false);
}

AttentionOutput DbaAttentionImpl::cross(const Sequence& queries, const Sequence&, const torch::Tensor& state) {
  return attend(queries, state, /*keys_are_z=*/true);
}

AttentionOutput DbaAttentionImpl::attend(const Sequence& x, const torch::Tensor& z, bool keys_are_z) {
  if (!z.defined() || z.size(-2) != options_.d_p || z.size(-1) != options_.dim) {
    throw std::invalid_argument("dba attention needs a state of d_p " + std::to_string(options_.d_p) + " rows, dim " +
                                std::to_string(options_.dim) + " columns");
  }
  const Weights w = weights(x, z);
  const torch::Tensor c = compress(w.compress, x.features);  // (B, d_p, D)
  const torch::Tensor y = mix(c, keys_are_z ? z : c);        // (B, d_p, D)
  return {restore(w.restore, y), c};
}

DbaAttentionImpl::Weights DbaAttentionImpl::weights(const Sequence& x, const torch::Tensor& z) {
  const int64_t heads = options_.heads, d_p = options_.d_p, r = options_.d_in / heads;
  // A_pk and A_len read the same rows: one product.
  const torch::Tensor projected =
      torch::linear(x.features, torch::cat({pk_->weight, len_->weight}), torch::cat({pk_->bias, len_->bias}));
  const auto parts = projected.split_with_sizes({options_.d_in, heads * d_p}, -1);
  // A head's queries stand in its own r of d_in columns, zeros in the others, so that the scores of all heads are one
  // product per sample; per head the inner extent r (3 at the paper's settings) would starve the processor.
  const torch::Tensor own_columns = torch::eye(heads, projected.options()).repeat_interleave(r, 1);  // (h, d_in)
  const torch::Tensor queries = pq_(z).unsqueeze(-3) * own_columns.unsqueeze(1);  // (B or 1, h, d_p, d_in)
  const torch::Tensor scores =
      torch::matmul(queries.flatten(-3, -2) / std::sqrt(static_cast<double>(r)), parts[0].transpose(1, 2));
  const torch::Tensor padding = x.padding.defined() ? x.padding.unsqueeze(1) : x.padding;  // (B, 1, n)
  return {drop(mask_scores(scores, padding).softmax(-1)).unflatten(1, {heads, d_p}),       // (B, h, d_p, n)
          drop(parts[1].unflatten(-1, {heads, d_p}).softmax(-1))};                         // (B, n, h, d_p)
}

torch::Tensor DbaAttentionImpl::compress(const torch::Tensor& w, const torch::Tensor& x) {
  const int64_t heads = options_.heads, d_h = options_.dim / heads;
  torch::Tensor c;  // (B, h, d_p, d_h)
  if (reassociates(x.size(1))) {
    const torch::Tensor wx = torch::matmul(w.flatten(1, 2), x).unflatten(1, {heads, options_.d_p});  // (B, h, d_p, D)
    c = torch::matmul(wx, pv_->weight.unflatten(0, {heads, d_h}).transpose(1, 2));
    // W (1 b^T): the rows of W sum to one, except under dropout.
    const torch::Tensor row_sums = is_training() ? w.sum(-1, true) : torch::ones({1}, w.options());
    c = c + row_sums * pv_->bias.view({heads, 1, d_h});
  } else {
    c = torch::matmul(w, pv_(x).unflatten(-1, {heads, d_h}).transpose(1, 2));
  }
  return c.transpose(1, 2).flatten(2);  // (B, d_p, D)
}

torch::Tensor DbaAttentionImpl::mix(const torch::Tensor& c, const torch::Tensor& keys) {
  const int64_t heads = options_.heads, r = options_.d_in / heads;
  const auto split = [heads](const torch::Tensor& t) { return t.unflatten(-1, {heads, -1}).transpose(-3, -2); };
  const torch::Tensor q = split(q_(c)) / std::sqrt(static_cast<double>(r));                       // (B, h, d_p, r)
  const torch::Tensor p = drop(torch::matmul(q, split(k_(keys)).transpose(-2, -1)).softmax(-1));  // (B, h, d_p, d_p)
  return norm_(torch::matmul(p, split(v_(keys))).transpose(1, 2).flatten(2));                     // (B, d_p, D)
}

torch::Tensor DbaAttentionImpl::restore(const torch::Tensor& w, const torch::Tensor& y) {
  const int64_t heads = options_.heads, d_h = options_.dim / heads;
  const torch::Tensor y_heads = y.unflatten(-1, {heads, d_h}).transpose(1, 2);  // (B, h, d_p, d_h)
  if (reassociates(w.size(1))) {
    const torch::Tensor a_o = out_->weight.unflatten(1, {heads, d_h}).permute({1, 2, 0});  // (h, d_h, D)
    const torch::Tensor yo = torch::matmul(y_heads, a_o).flatten(1, 2);                    // (B, h d_p, D)
    return torch::baddbmm(out_->bias, w.flatten(2), yo);                                   // (B, n, D)
  }
  return out_(torch::matmul(w.transpose(1, 2), y_heads).transpose(1, 2).flatten(2));
}

bool DbaAttentionImpl::reassociates(int64_t n) const {
  if (order_ != ProductOrder::kCheapest) return order_ == ProductOrder::kReassociated;
  // Multiplications per sample and D, around W: n D + n d_p as written, h n d_p + d_p D reassociated.
  const int64_t literal = n * (options_.dim + options_.d_p);
  return options_.d_p * (options_.heads * n + options_.dim) < literal;
}

}  // namespace fusion
