#include "fusion/sequence.h"

#include <stdexcept>

namespace fusion {

Sequence Sequence::padded(torch::Tensor features, const torch::Tensor& lengths) {
  if (!lengths.defined()) return {std::move(features), {}};
  const int64_t length = features.size(1);
  const torch::Tensor on_cpu = lengths.to(torch::kCPU, torch::kInt64);
  const auto* at = on_cpu.data_ptr<int64_t>();
  bool full = true;
  for (int64_t b = 0; b < on_cpu.numel(); ++b) {
    if (at[b] < 0 || at[b] > length) {
      throw std::invalid_argument("lengths: " + std::to_string(at[b]) + " at row " + std::to_string(b) +
                                  "; allowed are 0 to " + std::to_string(length));
    }
    full = full && at[b] == length;
  }
  if (full) return {std::move(features), {}};
  const torch::Tensor positions = torch::arange(length, lengths.options().device(features.device()));  // (T)
  torch::Tensor padding = positions.unsqueeze(0) >= lengths.to(features.device()).unsqueeze(1);        // (B, T)
  return {std::move(features), std::move(padding)};
}

Sequence Sequence::rows(const torch::Tensor& index) const {
  return {features.index_select(0, index), padding.defined() ? padding.index_select(0, index) : torch::Tensor()};
}

torch::Tensor mask_scores(const torch::Tensor& scores, const torch::Tensor& padding) {
  if (!padding.defined()) return scores;
  // Half precision has no such number; -6e4 is low enough there. Of float's numbers bfloat16 lacks the last before
  // 2^128.
  const double low = scores.scalar_type() == torch::kFloat16 ? -6e4 : -0x1p127;
  return scores.masked_fill(padding, low);
}

}  // namespace fusion
