// Attention of one head's few slots to each other, on a CPU. Single-threaded and plain: which thread has which head is
// decided in slot_columns. T is float or double.
//
// A slot is a column here, so that the lanes of a vector are slots and softmax needs no sum across them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fusion/slot_kernels.h"
#include "fusion/small_product.h"

namespace fusion {

/// One head of one sample. A gradient by it has its shape, with T in place of const T.
template <class T>
struct HeadSlots {
  Matrix<T> queries;  // (r, d_p), rows contiguous
  Matrix<T> keys;     // (r, d_p)
  Matrix<T> values;   // (d_h, d_p)
};

/// Numbers of memory that the functions below want to work in, for `slots` d_p.
inline int64_t mix_room(int64_t slots, int64_t d_h) { return (2 * slots + std::max(d_h, slots) + 1) * slots; }

/// P = softmax(queries^T keys / sqrt(r)) over the keys, dropped out -> values P^T, (d_h, d_p), to `out`. The mask
/// stands over P's (queries, keys).
void mix_head(const HeadSlots<const float>& head, BlockMask mask, Matrix<float> out, float* room);
void mix_head(const HeadSlots<const double>& head, BlockMask mask, Matrix<double> out, double* room);

/// `of_out` (d_h, d_p), the gradient of `out` -> that of `head`. Computes P again.
void mix_head_backward(const HeadSlots<const float>& head, BlockMask mask, Matrix<const float> of_out,
                       const HeadSlots<float>& of_head, float* room);
void mix_head_backward(const HeadSlots<const double>& head, BlockMask mask, Matrix<const double> of_out,
                       const HeadSlots<double>& of_head, double* room);

}  // namespace fusion
