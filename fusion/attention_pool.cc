#include "fusion/attention_pool.h"

namespace fusion {

AttentionPoolImpl::AttentionPoolImpl(const AttentionPoolOptions& options) {
  hidden_ = register_module("hidden", torch::nn::Linear(options.dim, options.hidden_dim));
  score_ = register_module("score", torch::nn::Linear(options.hidden_dim, 1));
  merge_ = register_module("merge", torch::nn::Linear(options.dim, options.out_dim));
  dropout_ = register_module("dropout", torch::nn::Dropout(options.dropout));
}

Pooled AttentionPoolImpl::forward(const Sequence& x) {
  const torch::Tensor scores = score_(dropout_(torch::relu(hidden_(x.features)))).squeeze(-1);  // (B, T)
  const torch::Tensor weights = mask_scores(scores, x.padding).softmax(-1);                     // (B, T)
  const torch::Tensor pooled = torch::bmm(weights.unsqueeze(1), x.features).squeeze(1);         // (B, D)
  return {merge_(pooled), weights};
}

}  // namespace fusion
