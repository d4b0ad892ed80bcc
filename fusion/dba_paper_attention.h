// Dynamic bilinear low-rank attention as its paper writes it.
#pragma once

#include <vector>

#include "fusion/attention.h"
#include "fusion/dropout.h"

namespace fusion {

/// DBA, "Dynamic Bilinear Low-Rank Attention" (ICLR 2023 submission), by the equations of its sections 3.1 to 3.4
/// rather than by its authors' published layer (fusion/dba_attention.h, which differs in most of this). For every head
/// i, with X (n, D), the state Z (d_p, D), Z' = Z A_z, and Q, K, V = X A_q, X A_k, X A_v:
///
///     W_r  = softmax over n of Z'_i Q_i^T             (d_p, n), padding masked                   eq. 11
///     W_c  = softmax over n of Z'_i K_i^T             (d_p, n), padding masked                   eq. 12
///     W'_c = softmax over n of (X A_c)_i^T            (d_p, n), padding masked                   section 3.3
///     W'_r = softmax over d_p of (X A_r)_i            (n, d_p)                                   section 3.3
///     P'   = softmax((W_r Q_i) R_i ((W_c K_i) R_i)^T / sqrt(r))     (d_p, d_p)                   eq. 7, 10
///     out  = concat of W'_r (P' (W'_c V_i)), times A_o              (n, D)                       eq. 8, 10
///
/// with dropout on every W and on P'. R: D -> d_in is shared by Q and K and acts on their heads side by side. What is
/// handed on is C = concat of W_r X_i, the compressed sequence "W_r X" of eq. 14. In cross-attention the keys' side is
/// the state C2: it is Z (eq. 14: Z1 = Linear(W_r2 X2), the linear layer being A_z) and takes the place of X in W_c, K,
/// W'_c and V.
///
/// Where the paper is silent: heads, A_o, and the softmax of W'_r are as in the published layer; W'_c gets eq. 11's
/// softmax, so that padding and length drop out; Z passes A_z in self-attention too. So the implied matrix W'_r P' W'_c
/// of self-attention has rows that sum to one. A bias that softmax over n takes out again is left out (A_c has none).
///
/// All D x D products run over the d_p compressed rows: Z' Q^T = (Z' A_q^T) X^T, and W (X A) = (W X) A.
class DbaPaperAttentionImpl : public AttentionImpl {
 public:
  explicit DbaPaperAttentionImpl(const AttentionOptions& options);

  AttentionOutput self(const Sequence& x, const torch::Tensor& state) override;
  AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) override;
  torch::Tensor compress(const Sequence& x, const torch::Tensor& z) override;

 private:
  /// What several probes make of X, with W the softmax over n of probe X^T: W X, and W 1, not one under dropout.
  struct Mixed {
    torch::Tensor rows;      // (B, h, d_p, D) for each probe
    torch::Tensor row_sums;  // (B or 1, h or 1, d_p or 1, 1)
  };
  std::vector<Mixed> mix(const Sequence& x, const std::vector<torch::Tensor>& probes);
  torch::Tensor probe(const torch::Tensor& z, const torch::nn::Linear& linear) const;  // Z'_i A_i^T, (B, h d_p, D)
  torch::Tensor fixed_probe(int64_t batch) const;                                      // A_c^T, the same shape
  torch::Tensor narrow(const Mixed& mixed, const torch::nn::Linear& linear);           // (W X A)_i R_i, (B, h, d_p, r)
  torch::Tensor state_of(const Mixed& mixed) const;                                    // C, (B, d_p, D)
  torch::Tensor interact(const Mixed& queries, const Mixed& keys, const Mixed& values);  // P' V_DBA, (B, h, d_p, d_h)
  torch::Tensor restore(const torch::Tensor& x, const torch::Tensor& slots);             // out, (B, n, D)
  torch::Tensor drop(const torch::Tensor& w) const { return hashed_dropout(w, options_.dropout, is_training()); }

  AttentionOptions options_;
  torch::nn::Linear z_{nullptr}, query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};  // D -> D
  torch::nn::Linear r_{nullptr};                                                                  // R: D -> d_in
  torch::nn::Linear restore_{nullptr}, compress_{nullptr};  // A_r, A_c: D -> h d_p
};
TORCH_MODULE(DbaPaperAttention);

}  // namespace fusion
