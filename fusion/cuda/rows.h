// The rows of a batch and the softmaxes over them, as the kernels of compress_rows and restore_rows see them.
//
// Letters: B, n, D, h, d_p, r, m = h d_p as in fusion/compress_rows.h; p columns that the rows are projected to: h r of
// their keys, then those that are wanted beside. Sizes are int, places in memory int64.
#pragma once

#include <cfloat>
#include <cmath>

#include "fusion/cuda/tile_product.h"
#include "fusion/dropout_mask.h"

namespace fusion::cuda {

constexpr int kMostR = 16;                // r: a thread holds as many of a query's numbers in registers
constexpr int kMostSlots = kTileColumns;  // d_p: a tile of the backward passes holds whole heads

/// Sizes that all kernels know.
struct RowShape {
  int batch = 0, n = 0, dim = 0, heads = 0, d_p = 0, r = 0, columns = 0;
  const int64_t* lengths = nullptr;  // (B); null where all rows are real

  VQA_HOST_DEVICE int m() const { return heads * d_p; }
  VQA_HOST_DEVICE int keys() const { return heads * r; }
  /// The sample's real rows.
  VQA_HOST_DEVICE int rows(int sample) const {
    const int64_t given = lengths != nullptr ? lengths[sample] : n;
    return static_cast<int>(given < 0 ? 0 : given > n ? n : given);
  }
  VQA_HOST_DEVICE int64_t row(int sample, int position) const { return static_cast<int64_t>(sample) * n + position; }
  VQA_HOST_DEVICE int64_t slot(int sample, int j) const { return static_cast<int64_t>(sample) * m() + j; }
  /// Where weight j of a row stands in dropout's mask.
  VQA_HOST_DEVICE uint32_t mask_index(int sample, int position, int j) const {
    return static_cast<uint32_t>(row(sample, position) * m() + j);
  }
  /// Slots that a tile of columns holds where it holds whole heads.
  VQA_HOST_DEVICE int whole_heads() const { return kTileColumns / d_p * d_p; }
};

VQA_HOST_DEVICE inline int tiles(int length, int tile) { return (length + tile - 1) / tile; }

/// A number of a grid of `counts` that grows fastest at the end, taken apart from the end.
class GridIndex {
 public:
  VQA_HOST_DEVICE explicit GridIndex(int64_t index) : rest_(index) {}
  VQA_HOST_DEVICE int next(int count) {
    const auto taken = static_cast<int>(rest_ % count);
    rest_ /= count;
    return taken;
  }

 private:
  int64_t rest_;
};

/// What makes weights of a slot's scores: the greatest, and 1 / sum of exp(score - greatest); 0 and 0 where no row is.
/// Kept apart: the logarithm of both together loses digits where scores are great.
struct SlotSoftmax {
  float most = 0, inverse = 0;
};

/// The scores that one slot gives to its sample's rows, and the weights W made of them. A thread keeps one while it
/// goes through rows.
template <class T>
struct SlotScores {
  const T* keys = nullptr;  // of the sample's row 0 and the slot's head; `row` numbers from one row to the next
  int64_t row = 0;
  int r = 0;
  float query[kMostR];
  SlotSoftmax softmax;

  /// `projected` (B, n, p), `queries` (B, m, r); `softmaxes` (B, m) may be null where only scores are wanted.
  VQA_HOST_DEVICE SlotScores(const RowShape& s, int sample, int j, const T* projected, const T* queries,
                             const SlotSoftmax* softmaxes)
      : keys(projected + s.row(sample, 0) * s.columns + j / s.d_p * s.r), row(s.columns), r(s.r) {
    const T* from = queries + s.slot(sample, j) * s.r;
    VQA_UNROLL
    for (int c = 0; c < kMostR; ++c) query[c] = c < r ? static_cast<float>(from[c]) : 0.0F;
    if (softmaxes != nullptr) softmax = softmaxes[s.slot(sample, j)];
  }

  VQA_HOST_DEVICE float score(int position) const {
    const T* key = keys + position * row;
    float sum = 0;
    VQA_UNROLL
    for (int c = 0; c < kMostR; ++c) {
      if (c >= r) break;
      sum += query[c] * static_cast<float>(key[c]);
    }
    return sum;
  }

  /// Before dropout.
  VQA_HOST_DEVICE float weight(int position) const { return expf(score(position) - softmax.most) * softmax.inverse; }
};

/// One head's softmax over its slots at one row, W' before dropout. Logits are read again for each weight: they are in
/// the first cache, while 64 of them would be too many for registers.
template <class T>
class HeadSoftmax {
 public:
  /// `logits` and `bias`: of the head's slots.
  VQA_HOST_DEVICE HeadSoftmax(const T* logits, const T* bias, int slots) : logits_(logits), bias_(bias) {
    for (int s = 0; s < slots; ++s) most_ = fmaxf(most_, logit(s));
    float total = 0;
    for (int s = 0; s < slots; ++s) total += expf(logit(s) - most_);
    inverse_ = 1 / total;
  }

  VQA_HOST_DEVICE float weight(int s) const { return expf(logit(s) - most_) * inverse_; }

 private:
  VQA_HOST_DEVICE float logit(int s) const { return static_cast<float>(logits_[s]) + static_cast<float>(bias_[s]); }

  const T *logits_, *bias_;
  float most_ = -FLT_MAX, inverse_ = 0;
};

}  // namespace fusion::cuda
