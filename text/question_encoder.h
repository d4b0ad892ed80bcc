// What reads a question's tokens.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace text {

/// Token ids to question features. Letters: Q questions, T tokens of the longest, D features.
class QuestionEncoderImpl : public torch::nn::Module {
 public:
  /// `ids` (Q, T) int64, padded with 0; `lengths` (Q) int64 on the CPU, each 1 to T -> (Q, T, D). Rows past a
  /// question's length are zero, and what stands in `ids` there has no influence. Throws std::invalid_argument for a
  /// length that is not 1 to T.
  virtual torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& lengths) = 0;

  virtual int64_t dim() const = 0;  // D
};

}  // namespace text
