// Attention by a trainable kernel.
#pragma once

#include "fusion/attention.h"
#include "fusion/feature_kernel.h"

namespace fusion {

/// Linear attention whose kernel is a trained feed-forward network ("Linear Self-Attention Approximation via Trainable
/// Feedforward Kernel", arXiv 2211.04076; the exact form as in its author's published notebooks). Per head, with Q, K,
/// V of width d_h and phi > 0 (fusion/feature_kernel.h), the same phi for queries and keys:
///
///     out_t = phi(q_t) (sum over j of phi(k_j)^T v_j) / (phi(q_t) . sum over j of phi(k_j)),
///
/// concatenated, then a linear layer: the attention matrix phi(Q) phi(K)^T with rows that sum to one, never formed.
/// Linear in n, any n. phi(k) of padded keys is nothing; sums are in float32 or better; 1e-6 is added to the
/// denominator. Dropout acts inside phi.
class FfkernelAttentionImpl : public AttentionImpl {
 public:
  explicit FfkernelAttentionImpl(const AttentionOptions& options);

  AttentionOutput self(const Sequence& x, const torch::Tensor& state) override;
  AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) override;

  /// The kernel's, once for the queries and once for the keys, as the notebooks count it.
  torch::Tensor penalty() const override { return 2 * kernel_->penalty(); }

  static void check(const AttentionOptions& options);

 private:
  torch::Tensor by_head(const torch::Tensor& x) const;  // (B, n, D) -> (h, B, n, d_h), a view
  torch::Tensor features(const torch::Tensor& x);       // phi of each head: (B, n, D) -> (h, B, n, d_h)

  AttentionOptions options_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
  FeatureKernel kernel_{nullptr};
};
TORCH_MODULE(FfkernelAttention);

}  // namespace fusion
