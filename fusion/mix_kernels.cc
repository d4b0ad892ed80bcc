// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/mix_kernels.h"

#include <cmath>

#include "data/vector_clones.h"
#include "data/vector_math.h"

#define VQA_INLINE [[gnu::always_inline]] inline

namespace fusion {
namespace {

using data::exponential;

/// Softmaxes of the columns of x (n, n), in place; `sums` (n) is room.
template <class T>
VQA_INLINE void softmax_columns(T* x, int64_t n, T* sums) {
  for (int64_t q = 0; q < n; ++q) sums[q] = x[q];
  for (int64_t s = 1; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) sums[q] = std::max(sums[q], x[s * n + q]);
  }
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) x[s * n + q] = exponential(x[s * n + q] - sums[q]);
  }
  for (int64_t q = 0; q < n; ++q) sums[q] = 0;
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) sums[q] += x[s * n + q];
  }
  for (int64_t q = 0; q < n; ++q) sums[q] = 1 / sums[q];
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) x[s * n + q] *= sums[q];
  }
}

/// x (keys, queries) by the mask that stands over (queries, keys).
template <class T>
VQA_INLINE void drop(T* x, int64_t n, BlockMask mask) {
  if (!mask.drops()) return;
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) x[s * n + q] *= mask.factor(q, s);
  }
}

/// The gradient of weights x (keys, queries) -> that of their scores, in place; `means` (n) is room.
template <class T>
VQA_INLINE void softmax_columns_backward(const T* weights, T* x, int64_t n, T* means) {
  for (int64_t q = 0; q < n; ++q) means[q] = 0;
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) means[q] += weights[s * n + q] * x[s * n + q];
  }
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) x[s * n + q] = weights[s * n + q] * (x[s * n + q] - means[q]);
  }
}

// The products are calls, which choose an instruction set by themselves; what is between them is compiled for that of
// the functions at the end.

/// What scores and their gradients are multiplied by, r^-1/2.
template <class T>
VQA_INLINE void scale(T* x, int64_t n, int64_t r) {
  const T factor = 1 / std::sqrt(static_cast<T>(r));
  for (int64_t i = 0; i < n * n; ++i) x[i] *= factor;
}

template <class T>
VQA_INLINE void weigh(const HeadSlots<const T>& head, T* weights, T* sums) {
  const int64_t n = head.queries.columns;
  multiply_small(SmallProduct<T>{head.keys.t(), head.queries, Matrix<T>{weights, n, n}, sums});
  scale(weights, n, head.queries.rows);
  softmax_columns(weights, n, sums);
}

template <class T>
VQA_INLINE void mix(const HeadSlots<const T>& head, BlockMask mask, Matrix<T> out, T* room) {
  const int64_t n = head.queries.columns;
  T* weights = room;  // P^T, (keys, queries)
  weigh(head, weights, weights + n * n);
  drop(weights, n, mask);
  multiply_small(SmallProduct<T>{head.values, Matrix<const T>{weights, n, n}, out, weights + n * n});
}

template <class T>
VQA_INLINE void mix_backward(const HeadSlots<const T>& head, BlockMask mask, Matrix<const T> of_out,
                             const HeadSlots<T>& of_head, T* room) {
  const int64_t n = head.queries.columns;
  T* weights = room;  // P^T, (keys, queries)
  T* gradient = weights + n * n;
  T* sums = gradient + n * n;
  T* scratch = sums + n;
  weigh(head, weights, sums);
  multiply_small(SmallProduct<T>{head.values.t(), of_out, Matrix<T>{gradient, n, n}, scratch});
  drop(gradient, n, mask);
  softmax_columns_backward(weights, gradient, n, sums);
  scale(gradient, n, head.queries.rows);
  drop(weights, n, mask);
  const Matrix<const T> of_scores{gradient, n, n}, dropped{weights, n, n};
  multiply_small(SmallProduct<T>{head.keys, of_scores, of_head.queries, scratch});
  multiply_small(SmallProduct<T>{head.queries, of_scores.t(), of_head.keys, scratch});
  multiply_small(SmallProduct<T>{of_out, dropped.t(), of_head.values, scratch});
}

}  // namespace

VQA_VECTOR_CLONES void mix_head(const HeadSlots<const float>& head, BlockMask mask, Matrix<float> out, float* room) {
  mix(head, mask, out, room);
}
void mix_head(const HeadSlots<const double>& head, BlockMask mask, Matrix<double> out, double* room) {
  mix(head, mask, out, room);
}

VQA_VECTOR_CLONES void mix_head_backward(const HeadSlots<const float>& head, BlockMask mask, Matrix<const float> of_out,
                                         const HeadSlots<float>& of_head, float* room) {
  mix_backward(head, mask, of_out, of_head, room);
}
void mix_head_backward(const HeadSlots<const double>& head, BlockMask mask, Matrix<const double> of_out,
                       const HeadSlots<double>& of_head, double* room) {
  mix_backward(head, mask, of_out, of_head, room);
}

}  // namespace fusion
