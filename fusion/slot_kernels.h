// The softmaxes around the compressed rows ("slots") of linear attention, block by block between two matrix products,
// on a CPU. Single-threaded and plain: what a block is and which thread has it is decided in compress_rows and
// restore_rows.
//
// Letters: `rows` positions of a block, h heads of d_p slots each, m = h d_p columns. T is float or double.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "fusion/dropout_mask.h"

namespace fusion {

/// A block's place in the mask that dropout puts over all positions. Kernels take it by value: behind a reference a
/// number that they write could be its scale, and they would go number by number.
struct BlockMask {
  DropoutMask mask;
  uint32_t first;  // its first element's index
  int64_t row;     // elements from one row to the next, which a block may have some columns of

  BlockMask(const DropoutMask& of, uint32_t first_element, int64_t row_elements)
      : mask(of), first(first_element), row(row_elements) {}

  bool drops() const { return mask.drops(); }
  [[gnu::always_inline]] float factor(int64_t r, int64_t column) const {
    return mask.factor(first + static_cast<uint32_t>(r * row + column));
  }
};

/// Softmaxes over the positions of a sequence that comes block by block, m of them side by side (Milakov and Gimelshein
/// 2018, "Online normalizer calculation for softmax").
template <class T>
struct RunningSoftmax {
  T* most;   // (m) greatest score so far
  T* total;  // (m) sum of exp(score - most)
  T* kept;   // (m) the same after dropout

  /// Before the first block.
  void clear(int64_t m) const {
    std::fill_n(most, m, std::numeric_limits<T>::lowest());
    std::fill_n(total, m, T(0));
    std::fill_n(kept, m, T(0));
  }
};

/// Scores (rows, m) -> exp(score - most) after dropout, in place. `factors` (m): what earlier blocks' sums are to be
/// multiplied by, since `most` has grown.
void add_block(float* scores, int64_t rows, int64_t m, const RunningSoftmax<float>& softmax, BlockMask mask,
               float* factors);
void add_block(double* scores, int64_t rows, int64_t m, const RunningSoftmax<double>& softmax, BlockMask mask,
               double* factors);

/// What the gradient of softmaxes over positions is made of.
template <class T>
struct PositionsGradient {
  const T* most;     // (m) greatest score
  const T* inverse;  // (m) 1 / sum of exp(score - most)
  const T* of_sums;  // (m) gradient of the sums of weights after dropout
  const T* mean;     // (m) sum over all positions of weight times its gradient
};

/// `scores` (rows, m) -> weights after dropout, in place; `gradient` (rows, m), of those weights without what their
/// sums add -> gradient of the scores, in place.
void positions_backward(float* scores, float* gradient, int64_t rows, int64_t m, const PositionsGradient<float>& from,
                        BlockMask mask);
void positions_backward(double* scores, double* gradient, int64_t rows, int64_t m,
                        const PositionsGradient<double>& from, BlockMask mask);

/// to = factor from, `count` numbers each; `to` may be `from`.
void scale(const float* from, float factor, int64_t count, float* to);
void scale(const double* from, double factor, int64_t count, double* to);

/// to += factor from.
void add_scaled(const float* from, float factor, int64_t count, float* to);
void add_scaled(const double* from, double factor, int64_t count, double* to);

/// a b of `count` numbers each.
float dot(const float* a, const float* b, int64_t count);
double dot(const double* a, const double* b, int64_t count);

/// Softmaxes over the slots of each head.
struct SlotGroups {
  int64_t heads = 1, slots = 1;  // h, d_p

  int64_t columns() const { return heads * slots; }
};

/// `logits` (rows, m) plus `bias` (m) -> weights after dropout (rows, m).
void slots_forward(const float* logits, const float* bias, float* weights, int64_t rows, const SlotGroups& groups,
                   BlockMask mask);
void slots_forward(const double* logits, const double* bias, double* weights, int64_t rows, const SlotGroups& groups,
                   BlockMask mask);

/// `weights` (rows, m) without dropout -> with it, in place; `gradient` (rows, m) of those -> of the logits, in place.
void slots_backward(float* weights, float* gradient, int64_t rows, const SlotGroups& groups, BlockMask mask);
void slots_backward(double* weights, double* gradient, int64_t rows, const SlotGroups& groups, BlockMask mask);

}  // namespace fusion
