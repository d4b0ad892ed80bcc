// Softmax attention.
#pragma once

#include "fusion/attention.h"

namespace fusion {

/// Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2): per head softmax(Q K^T / sqrt(d_h)) V,
/// concatenated, then a linear layer. Padded keys get no weight. Time and memory grow with n^2.
class VanillaAttentionImpl : public AttentionImpl {
 public:
  explicit VanillaAttentionImpl(const AttentionOptions& options);

  AttentionOutput self(const Sequence& x, const torch::Tensor& state) override;
  AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) override;

 private:
  /// Of queries, keys and values (B, h, T, d_h) -> (B, h, Tq, d_h).
  torch::Tensor attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v, const Sequence& keys);

  AttentionOptions options_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
};
TORCH_MODULE(VanillaAttention);

}  // namespace fusion
