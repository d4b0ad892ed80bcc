// Dynamic bilinear low-rank attention.
#pragma once

#include "fusion/attention.h"
#include "fusion/compress_rows.h"
#include "fusion/dropout.h"
#include "fusion/mix_slots.h"

namespace fusion {

/// DBA, "Dynamic Bilinear Low-Rank Attention" (ICLR 2023 submission), as its authors' published layer computes it, and
/// its cross-attention (section 3.4, eq. 13-14). Linear in the sequence length n. For every head i, with X (n, D) and
/// the state Z (d_p, D):
///
///     W_i  = softmax over n of (Z A_pq)_i (X A_pk)_i^T / sqrt(r)                    (d_p, n), padding masked, dropout
///     C    = concat of W_i (X A_pv)_i                                               (d_p, D), the state handed on
///     Y    = LayerNorm(concat of softmax((C A_q)_i (C A_k)_i^T / sqrt(r)) (C A_v)_i)  (d_p, D), dropout on the weights
///     W'_i = softmax over d_p of (X A_len)_i                                        (n, d_p), dropout
///     out  = concat of W'_i Y_i, times A_o                                          (n, D)
///
/// In cross-attention Z, keys and values are the state C2 that self-attention left on the keys' side; X is the query
/// side, and C is returned. No mask is needed on C2: all its d_p rows are real.
///
/// Matrix products associate, W (X A_pv) = (W X) A_pv and W' (Y A_o) = (W' Y) A_o, so both D x D products can run over
/// the d_p compressed rows in place of the n input rows. Which order is cheaper depends on n; see ProductOrder.
class DbaAttentionImpl : public AttentionImpl {
 public:
  /// The order of the products around the compressed rows; all give the same numbers up to rounding.
  enum class ProductOrder {
    kCheapest,     // the one that is expected to take less time at the present n
    kLiteral,      // as the formulas above are written: D x D products over n rows
    kReassociated  // D x D products over d_p rows
  };

  explicit DbaAttentionImpl(const AttentionOptions& options);

  AttentionOutput self(const Sequence& x, const torch::Tensor& state) override;
  AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) override;
  torch::Tensor compress(const Sequence& x, const torch::Tensor& z) override;

  static void check(const AttentionOptions& options);

  /// Fixes the order of products, for tests and benchmarks.
  void set_product_order(ProductOrder order) { order_ = order; }

 private:
  AttentionOutput attend(const Sequence& x, const torch::Tensor& z, bool keys_are_z);
  AttentionOutput attend_literally(const Sequence& x, const torch::Tensor& z, bool keys_are_z);
  /// C, (B, d_p, D), as written, of the keys X A_pk (B, n, d_in).
  torch::Tensor gather(const torch::Tensor& keys, const Sequence& x, const torch::Tensor& z);
  /// W X by A_pk; `beside` as in CompressInputs.
  Compressed compress_all(const Sequence& x, const torch::Tensor& lengths, const torch::Tensor& z,
                          const torch::Tensor& beside);
  /// Undefined without dropout: the rows of W sum to one then.
  torch::Tensor row_sums(const Compressed& compressed) const;
  MixWeights mix_weights() const;
  double dropout() const { return is_training() ? options_.dropout : 0; }
  torch::Tensor drop(const torch::Tensor& w) const { return hashed_dropout(w, options_.dropout, is_training()); }
  bool reassociates(int64_t n) const;

  AttentionOptions options_;
  ProductOrder order_ = ProductOrder::kCheapest;
  torch::nn::Linear pq_{nullptr}, pk_{nullptr}, pv_{nullptr};  // A_pq, A_pk: D -> d_in; A_pv: D -> D
  torch::nn::Linear q_{nullptr}, k_{nullptr}, v_{nullptr};     // A_q, A_k: D -> d_in; A_v: D -> D
  torch::nn::Linear len_{nullptr}, out_{nullptr};              // A_len: D -> h d_p; A_o: D -> D
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(DbaAttention);

}  // namespace fusion
