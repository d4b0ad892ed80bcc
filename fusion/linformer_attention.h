// Attention to keys compressed by a learnt linear map.
#pragma once

#include "fusion/attention.h"

namespace fusion {

/// How a Linformer's maps are shared, of Wang et al. 2020 section 4, "parameter sharing".
///     none       every head has maps of its own, E_i for keys and F_i for values
///     headwise   heads share E and F
///     key-value  heads share one map, E = F (the Linformer of Long Range Arena, Tay et al. 2021)
const std::vector<std::string>& linformer_sharings();

/// Linformer (Wang et al. 2020, "Linformer: Self-Attention with Linear Complexity", eq. 7): per head
/// softmax(Q (E_i K)^T / sqrt(d_h)) F_i V with learnt maps E_i, F_i (k, n) of the n keys to k = linformer_k rows,
/// concatenated, then a linear layer. Linear in n. A map has a column for each of max_length positions; a shorter
/// sequence uses the first n. So the kind knows positions, and a longer sequence cannot be read.
///
/// Padded keys and values are nothing, as rows of zeros: the maps are linear, so padding changes nothing. (The paper
/// does not say; Long Range Arena lets padding through.)
///
/// E (X A + b) = (E X) A + (E 1) b, so the D x D products of keys and values run over k rows, never over n.
class LinformerAttentionImpl : public AttentionImpl {
 public:
  explicit LinformerAttentionImpl(const AttentionOptions& options);

  AttentionOutput self(const Sequence& x, const torch::Tensor& state) override;

  /// Throws std::invalid_argument where there are more than max_length keys.
  AttentionOutput cross(const Sequence& queries, const Sequence& keys, const torch::Tensor& state) override;

  static void check(const AttentionOptions& options);

 private:
  struct Mixed {
    torch::Tensor rows;      // E X, (B, maps, k, D)
    torch::Tensor row_sums;  // E 1, (B or 1, maps, k, 1)
  };
  torch::Tensor make_map() const;
  Mixed mix(const torch::Tensor& map, const Sequence& keys) const;
  torch::Tensor project(const Mixed& mixed, const torch::nn::Linear& linear) const;            // (B, h, k, d_h)
  torch::Tensor score(const torch::Tensor& queries, const torch::Tensor& k, bool over_slots);  // (B, n, h, k)

  AttentionOptions options_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
  torch::Tensor key_map_, value_map_;  // E, F: (h or 1, k, max_length); F undefined where it is E
};
TORCH_MODULE(LinformerAttention);

}  // namespace fusion
