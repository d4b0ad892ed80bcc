#include "fusion/dba_paper_attention.h"

#include <cmath>

#include "fusion/head_matmul.h"
#include "fusion/slot_products.h"

namespace fusion {

DbaPaperAttentionImpl::DbaPaperAttentionImpl(const AttentionOptions& options) : options_(options) {
  const int64_t dim = options.dim, slots = options.heads * options.d_p;
  z_ = register_module("z", torch::nn::Linear(dim, dim));
  query_ = register_module("query", torch::nn::Linear(dim, dim));
  key_ = register_module("key", torch::nn::Linear(dim, dim));
  value_ = register_module("value", torch::nn::Linear(dim, dim));
  r_ = register_module("r", torch::nn::Linear(dim, options.d_in));
  compress_ = register_module("compress", torch::nn::Linear(torch::nn::LinearOptions(dim, slots).bias(false)));
  restore_ = register_module("restore", torch::nn::Linear(dim, slots));
  out_ = register_module("out", torch::nn::Linear(dim, dim));
  const torch::NoGradGuard no_grad;
  for (const torch::nn::Linear& linear : {z_, query_, key_, value_, r_, out_}) {
    // Unit deviation in, unit deviation out; but Z' so much less that Z' Q^T, which the paper does not scale, has it
    // too.
    const int64_t variance = linear.get() == z_.get() ? dim * (dim / options.heads) : dim;
    torch::nn::init::normal_(linear->weight, 0, 1 / std::sqrt(static_cast<double>(variance)));
    torch::nn::init::zeros_(linear->bias);
  }
}

AttentionOutput DbaPaperAttentionImpl::self(const Sequence& x, const torch::Tensor& state) {
  require_state(options_, state);
  const torch::Tensor z = z_(state);  // Z', (B, d_p, D)
  const auto mixed = mix(x, {probe(z, query_), probe(z, key_), fixed_probe(z.size(0))});
  return {restore(x.features, interact(mixed[0], mixed[1], mixed[2])), state_of(mixed[0])};
}

AttentionOutput DbaPaperAttentionImpl::cross(const Sequence& queries, const Sequence&, const torch::Tensor& state) {
  require_state(options_, state);
  const torch::Tensor z = z_(state);
  const auto ours = mix(queries, {probe(z, query_)});
  const auto theirs = mix({state, {}}, {probe(z, key_), fixed_probe(z.size(0))});
  return {restore(queries.features, interact(ours[0], theirs[0], theirs[1])), state_of(ours[0])};
}

torch::Tensor DbaPaperAttentionImpl::compress(const Sequence& x, const torch::Tensor& z) {
  require_state(options_, z);
  return state_of(mix(x, {probe(z_(z), query_)})[0]);
}

std::vector<DbaPaperAttentionImpl::Mixed> DbaPaperAttentionImpl::mix(const Sequence& x,
                                                                     const std::vector<torch::Tensor>& probes) {
  const torch::Tensor scores = torch::bmm(torch::cat(probes, 1), x.features.transpose(1, 2));  // (B, probes h d_p, n)
  const torch::Tensor padding = x.padding.defined() ? x.padding.unsqueeze(1) : x.padding;
  const torch::Tensor w = drop(mask_scores(scores, padding).softmax(-1));
  const torch::Tensor rows = torch::bmm(w, x.features);  // (B, probes h d_p, D)
  const auto split = [&](const torch::Tensor& t) {
    return t.unflatten(1, {static_cast<int64_t>(probes.size()), options_.heads, options_.d_p}).unbind(1);
  };
  const std::vector<torch::Tensor> by_probe = split(rows);
  const std::vector<torch::Tensor> sums =
      is_training() ? split(w.sum(-1, true))
                    : std::vector<torch::Tensor>(probes.size(), torch::ones({1, 1, 1, 1}, w.options()));
  std::vector<Mixed> mixed;
  for (size_t i = 0; i < probes.size(); ++i) mixed.push_back({by_probe[i], sums[i]});
  return mixed;
}

torch::Tensor DbaPaperAttentionImpl::probe(const torch::Tensor& z, const torch::nn::Linear& linear) const {
  const int64_t heads = options_.heads, d_h = options_.dim / heads;
  return per_head(split_heads(z, heads), linear->weight.view({heads, d_h, options_.dim})).flatten(1, 2);
}

torch::Tensor DbaPaperAttentionImpl::fixed_probe(int64_t batch) const {
  return compress_->weight.expand({batch, -1, -1});
}

torch::Tensor DbaPaperAttentionImpl::narrow(const Mixed& mixed, const torch::nn::Linear& linear) {
  return split_heads(r_(concat_heads(project_slots(mixed.rows, mixed.row_sums, linear))), options_.heads);
}

torch::Tensor DbaPaperAttentionImpl::state_of(const Mixed& mixed) const {
  const torch::Tensor columns = mixed.rows.unflatten(-1, {options_.heads, -1});  // (B, h, d_p, h, d_h)
  return columns.diagonal(0, 1, 3).permute({0, 1, 3, 2}).flatten(2);             // (B, d_p, D): head i's columns i
}

torch::Tensor DbaPaperAttentionImpl::interact(const Mixed& queries, const Mixed& keys, const Mixed& values) {
  const double scale = 1 / std::sqrt(static_cast<double>(options_.d_in / options_.heads));
  const torch::Tensor scores = head_matmul(narrow(queries, query_) * scale, narrow(keys, key_).transpose(2, 3));
  return head_matmul(drop(scores.softmax(-1)), project_slots(values.rows, values.row_sums, value_));
}

torch::Tensor DbaPaperAttentionImpl::restore(const torch::Tensor& x, const torch::Tensor& slots) {
  const torch::Tensor w =
      drop(restore_(x).unflatten(-1, {options_.heads, options_.d_p}).softmax(-1));  // (B, n, h, d_p)
  return restore_slots(w, slots, out_, cheaper_over_slots(x.size(1), {options_.dim, options_.heads, options_.d_p}));
}

}  // namespace fusion
