#include "fusion/attention_pool.h"

#include "fusion/real_rows.h"
#include "fusion/relu_feed_forward.h"

namespace fusion {

AttentionPoolImpl::AttentionPoolImpl(const AttentionPoolOptions& options) : dropout_(options.dropout) {
  hidden_ = register_module("hidden", torch::nn::Linear(options.dim, options.hidden_dim));
  score_ = register_module("score", torch::nn::Linear(options.hidden_dim, 1));
  merge_ = register_module("merge", torch::nn::Linear(options.dim, options.out_dim));
}

torch::Tensor AttentionPoolImpl::score(const torch::Tensor& x) {
  const FeedForwardWeights weights{hidden_->weight, hidden_->bias, score_->weight, score_->bias};
  return relu_feed_forward(x, weights, is_training() ? dropout_ : 0).squeeze(-1);
}

Pooled AttentionPoolImpl::forward(const Sequence& x) {
  const torch::Tensor scores = on_real_rows(x, [&](const torch::Tensor& rows) { return score(rows); });  // (B, T)
  const torch::Tensor weights = mask_scores(scores, x.padding).softmax(-1);                              // (B, T)
  const torch::Tensor pooled = torch::bmm(weights.unsqueeze(1), x.features).squeeze(1);                  // (B, D)
  return {merge_(pooled), weights};
}

}  // namespace fusion
