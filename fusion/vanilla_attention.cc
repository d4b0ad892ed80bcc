#include "fusion/vanilla_attention.h"

#include "fusion/head_matmul.h"
#include "fusion/softmax_attention.h"

namespace fusion {

VanillaAttentionImpl::VanillaAttentionImpl(const AttentionOptions& options) : options_(options) {
  query_ = register_module("query", torch::nn::Linear(options.dim, options.dim));
  key_ = register_module("key", torch::nn::Linear(options.dim, options.dim));
  value_ = register_module("value", torch::nn::Linear(options.dim, options.dim));
  out_ = register_module("out", torch::nn::Linear(options.dim, options.dim));
}

AttentionOutput VanillaAttentionImpl::self(const Sequence& x, const torch::Tensor& state) { return cross(x, x, state); }

AttentionOutput VanillaAttentionImpl::cross(const Sequence& queries, const Sequence& keys, const torch::Tensor&) {
  const torch::Tensor q = split_heads(query_(queries.features), options_.heads);  // (B, h, Tq, d_h)
  const torch::Tensor k = split_heads(key_(keys.features), options_.heads);       // (B, h, Tk, d_h)
  const torch::Tensor v = split_heads(value_(keys.features), options_.heads);     // (B, h, Tk, d_h)
  return {out_(concat_heads(attend(q, k, v, keys))), {}};                         // (B, Tq, D)
}

torch::Tensor VanillaAttentionImpl::attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                                           const Sequence& keys) {
  const double dropout = is_training() ? options_.dropout : 0;
  const bool ours = q.device().is_cpu() && q.scalar_type() == torch::kFloat32;
  // LibTorch's fused attention on a CPU knows no dropout: it falls back to the whole matrix of weights, with a mask
  // from a sequential generator.
  if (dropout > 0 && ours) return softmax_attention({q, k, v, keys.lengths(), dropout});
  std::optional<torch::Tensor> mask;
  if (keys.padding.defined()) {
    // A score to add rather than a boolean: a key side that is padding throughout then gives equal weights, not NaN.
    const torch::Tensor none = torch::zeros({1, 1, 1, 1}, q.options()).expand({k.size(0), 1, 1, k.size(2)});
    mask = mask_scores(none, keys.padding.unsqueeze(1).unsqueeze(1));  // (B, 1, 1, Tk)
  }
  return at::scaled_dot_product_attention(q, k, v, mask, dropout);
}

}  // namespace fusion
