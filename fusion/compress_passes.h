// The two passes of compress_rows on a CPU.
#pragma once

#include <torch/torch.h>

#include <algorithm>

#include "fusion/compress_rows.h"
#include "fusion/dropout_mask.h"
#include "fusion/slot_matrices.h"

namespace fusion {

/// The tensors that both passes read, contiguous; as in CompressInputs. x is bfloat16 or of the type of the others,
/// float32 or float64, which everything is computed in.
struct CompressGiven {
  torch::Tensor x, queries, weight;
  torch::Tensor beside;  // (0, D) where nothing is wanted
};

/// What the forward pass leaves for the backward one.
struct CompressKept {
  torch::Tensor keys;           // (B, n, h r), of rows that are no padding
  torch::Tensor most, inverse;  // (B, m): greatest score and 1 / sum of exp(score - most) of each softmax
  torch::Tensor mixed;          // (B, h, d_p, D)
  torch::Tensor row_sums;       // (B, h, d_p, 1)
};

struct CompressForward {
  Compressed compressed;
  CompressKept kept;
};
CompressForward compress_forward(const CompressGiven& given, const torch::Tensor& lengths, const DropoutMask& mask);

/// The gradients of what the forward pass gave, or of what it was given.
struct CompressedGradients {
  torch::Tensor mixed;                // (h, B, d_p, D)
  torch::Tensor row_sums, projected;  // contiguous
};
struct CompressGradients {
  torch::Tensor x, queries, weight, beside;
};
CompressGradients compress_backward(const CompressGiven& given, const CompressKept& kept, const CompressedGradients& of,
                                    const torch::Tensor& lengths, const DropoutMask& mask);

/// The sizes of both passes.
struct CompressShape {
  int64_t batch, n, dim, heads, d_p, r, beside;

  explicit CompressShape(const CompressGiven& given)
      : batch(given.x.size(0)),
        n(given.x.size(1)),
        dim(given.x.size(2)),
        heads(given.queries.size(1)),
        d_p(given.queries.size(2)),
        r(given.queries.size(3)),
        beside(given.beside.size(0)) {}

  int64_t m() const { return heads * d_p; }
  int64_t keys() const { return heads * r; }
  /// Where sample b's slot in column j begins within (h, B, d_p, D).
  int64_t slot_at(int64_t b, int64_t j) const { return ((j / d_p * batch + b) * d_p + j % d_p) * dim; }
};

/// One sample's queries (h, d_p, r) -> the matrix (h r, m) that makes scores of keys: head i's block stands at rows i r
/// and columns i d_p, the rest is zero.
template <class T>
void spread_queries(const T* queries, const CompressShape& s, T* matrix) {
  std::fill(matrix, matrix + s.keys() * s.m(), T(0));
  for (int64_t i = 0; i < s.heads; ++i) {
    for (int64_t slot = 0; slot < s.d_p; ++slot) {
      for (int64_t c = 0; c < s.r; ++c) matrix[(i * s.r + c) * s.m() + i * s.d_p + slot] = *queries++;
    }
  }
}

}  // namespace fusion
