// Linformer without a length to compress to: a reconstruction.
#pragma once

#include "fusion/attention.h"

namespace fusion {

/// A RECONSTRUCTION of "Revisiting Linformer with a modified self-attention with linear complexity" (arXiv 2101.10277),
/// whose abstract promises linear time and space independent of the projection's dimension k, and of which no equation
/// is known to us: nothing that this kind does is a reproduction of that paper. The features take the place of
/// Linformer's k x n map. Per head, with Q, K, V of width d_h:
///
///     E   = softmax over n of K, transposed        (d_h, n): each feature is a distribution over the positions
///     out = (softmax over features of Q) (E V)     (n, d_h), concatenated, then a linear layer
///
/// So the implied attention matrix, softmax(Q) E, has rows that sum to one and is never formed. Linear in n, any n,
/// parameters as softmax attention has them; padded keys get no weight. Dropout acts on E and on softmax(Q).
class KfreeAttentionImpl : public AttentionImpl {
 public:
  explicit KfreeAttentionImpl(const AttentionOptions& options);

  AttentionOutput self(const Sequence& x, const torch::Tensor& state) override;
  AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) override;

 private:
  AttentionOptions options_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
};
TORCH_MODULE(KfreeAttention);

}  // namespace fusion
