// Questions of different lengths without padding, and attention within each.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

namespace text {

/// Letters: Q questions, T tokens that the padded tensor has room for, N tokens of all questions together.
class PackedQuestions {
 public:
  /// `lengths` (Q) int64 on the CPU. Throws std::invalid_argument for a length that is not 1 to `width` (T).
  PackedQuestions(const torch::Tensor& lengths, int64_t width);

  int64_t count() const { return std::ssize(offsets_) - 1; }                                 // Q
  int64_t width() const { return width_; }                                                   // T
  int64_t rows() const { return offsets_.back(); }                                           // N
  int64_t begin(int64_t question) const { return offsets_[static_cast<size_t>(question)]; }  // Q for the end
  int64_t length(int64_t question) const { return begin(question + 1) - begin(question); }

  /// Where each token stands in (Q * T): (N) int64 on the CPU.
  torch::Tensor cells() const;

  /// Which of its question's tokens each is, from 0: (N) int64 on the CPU.
  torch::Tensor positions() const;

 private:
  std::vector<int64_t> offsets_;  // Q + 1
  int64_t width_;
};

/// (Q, T, ...) -> (N, ...): the tokens alone.
torch::Tensor pack(const torch::Tensor& padded, const PackedQuestions& questions);

/// (N, ...) -> (Q, T, ...), zero past each question's length.
torch::Tensor unpack(const torch::Tensor& rows, const PackedQuestions& questions);

/// Each head's attention of every token to its own question's tokens, softmax(q k' / sqrt(d)) v. `qkv` (N, 3D):
/// queries, keys and values side by side, each of `heads` heads -> (N, D), differentiable.
///
/// On a CPU in float32 a kernel of ours goes over the questions as they are, and again in the gradient, which keeps
/// nothing but `qkv`; everything else is LibTorch's scaled_dot_product_attention over padded questions.
torch::Tensor packed_attention(const torch::Tensor& qkv, const PackedQuestions& questions, int64_t heads);

}  // namespace text
