#include "fusion/kfree_attention.h"

#include "fusion/dropout.h"
#include "fusion/head_matmul.h"
#include "fusion/slot_products.h"

namespace fusion {

KfreeAttentionImpl::KfreeAttentionImpl(const AttentionOptions& options) : options_(options) {
  query_ = register_module("query", torch::nn::Linear(options.dim, options.dim));
  key_ = register_module("key", torch::nn::Linear(options.dim, options.dim));
  value_ = register_module("value", torch::nn::Linear(options.dim, options.dim));
  out_ = register_module("out", torch::nn::Linear(options.dim, options.dim));
}

AttentionOutput KfreeAttentionImpl::self(const Sequence& x, const torch::Tensor& state) { return cross(x, x, state); }

AttentionOutput KfreeAttentionImpl::cross(const Sequence& queries, const Sequence& keys, const torch::Tensor&) {
  const int64_t heads = options_.heads;
  const auto drop = [&](const torch::Tensor& w) { return hashed_dropout(w, options_.dropout, is_training()); };
  const torch::Tensor padding = keys.padding.defined() ? keys.padding.unsqueeze(-1) : keys.padding;  // (B, Tk, 1)
  const torch::Tensor e = drop(mask_scores(key_(keys.features), padding).softmax(1));                // (B, Tk, D)
  const torch::Tensor gathered = head_matmul(split_heads(e, heads).transpose(2, 3),
                                             split_heads(value_(keys.features), heads));  // (B, h, d_h, d_h)
  const torch::Tensor w =
      drop(query_(queries.features).unflatten(-1, {heads, options_.dim / heads}).softmax(-1));  // (B, Tq, h, d_h)
  // A head has d_h slots here: its products with A_o save one of n x d_h rows and cost one of D x d_h.
  return {restore_slots(w, gathered, out_, queries.features.size(1) > options_.dim), {}};
}

}  // namespace fusion
