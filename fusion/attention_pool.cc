#include "fusion/attention_pool.h"

#include "fusion/dropout.h"

namespace fusion {

AttentionPoolImpl::AttentionPoolImpl(const AttentionPoolOptions& options) : dropout_(options.dropout) {
  hidden_ = register_module("hidden", torch::nn::Linear(options.dim, options.hidden_dim));
  score_ = register_module("score", torch::nn::Linear(options.hidden_dim, 1));
  merge_ = register_module("merge", torch::nn::Linear(options.dim, options.out_dim));
}

Pooled AttentionPoolImpl::forward(const Sequence& x) {
  const torch::Tensor scores =
      score_(hashed_dropout(torch::relu(hidden_(x.features)), dropout_, is_training())).squeeze(-1);  // (B, T)
  const torch::Tensor weights = mask_scores(scores, x.padding).softmax(-1);                           // (B, T)
  const torch::Tensor pooled = torch::bmm(weights.unsqueeze(1), x.features).squeeze(1);               // (B, D)
  return {merge_(pooled), weights};
}

}  // namespace fusion
