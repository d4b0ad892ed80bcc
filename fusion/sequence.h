// A padded batch of sequences, the form in which question tokens and grid cells travel through this room.
//
// Letters used in this room: B batch, T or n sequence length, D model width (dim), h heads, d_h = D / h, d_p compressed
// length, d_in width of DBA's query and key projections over all heads, r = d_in / h.
#pragma once

#include <torch/torch.h>

namespace fusion {

struct Sequence {
  torch::Tensor features;  // (B, T, D)
  torch::Tensor padding;   // (B, T) bool, true past a sequence's length; undefined when no row is padded

  /// The batch with the given lengths, (B) int64; undefined lengths mean that every row is full.
  /// Throws std::invalid_argument where a length is negative or above T.
  static Sequence padded(torch::Tensor features, const torch::Tensor& lengths);

  int64_t size() const { return features.size(1); }  // T

  /// (B) int64 on the features' device; undefined when no row is padded.
  torch::Tensor lengths() const { return padding.defined() ? padding.logical_not().sum(1) : padding; }

  /// Other features at the same positions.
  Sequence with(torch::Tensor other_features) const { return {std::move(other_features), padding}; }

  /// The rows `index` (Q) of the batch, each as often as it is named.
  Sequence rows(const torch::Tensor& index) const;
};

/// Scores with those of padded positions made so low that softmax gives them nothing. A row that is padding throughout
/// gets equal weights, not NaN. `scores` (..., T) broadcasts with `padding`, which may be undefined.
torch::Tensor mask_scores(const torch::Tensor& scores, const torch::Tensor& padding);

}  // namespace fusion
