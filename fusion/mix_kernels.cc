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
VQA_INLINE void drop(T* x, int64_t n, const BlockMask& mask) {
  if (!mask.drops()) return;
  for (int64_t s = 0; s < n; ++s) {
    for (int64_t q = 0; q < n; ++q) x[s * n + q] *= mask.factor(q * n + s);
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

// The products are calls, which the loader has chosen an instruction set for; what is between them is compiled for that
// of the functions at the end.

/// What scores and their gradients are multiplied by, r^-1/2.
template <class T>
VQA_INLINE void scale(T* x, const MixSizes& sizes) {
  const T factor = 1 / std::sqrt(static_cast<T>(sizes.r));
  for (int64_t i = 0; i < sizes.slots * sizes.slots; ++i) x[i] *= factor;
}

template <class T>
VQA_INLINE void weigh(const HeadSlots<const T>& head, const MixSizes& sizes, T* weights, T* sums) {
  const int64_t n = sizes.slots;
  multiply_small(SmallProduct<T>{head.keys.t(), head.queries, Strided<T>{weights, n, 1}, {n, sizes.r, n}, sums});
  scale(weights, sizes);
  softmax_columns(weights, n, sums);
}

template <class T>
VQA_INLINE void mix(const HeadSlots<const T>& head, const MixSizes& sizes, const BlockMask& mask, Strided<T> out,
                    T* room) {
  const int64_t n = sizes.slots;
  T* weights = room;  // P^T, (keys, queries)
  weigh(head, sizes, weights, weights + n * n);
  drop(weights, n, mask);
  multiply_small(
      SmallProduct<T>{head.values, Strided<const T>{weights, n, 1}, out, {sizes.d_h, n, n}, weights + n * n});
}

template <class T>
VQA_INLINE void mix_backward(const HeadSlots<const T>& head, const MixSizes& sizes, const BlockMask& mask,
                             Strided<const T> of_out, const HeadSlots<T>& of_head, T* room) {
  const int64_t n = sizes.slots;
  T* weights = room;  // P^T, (keys, queries)
  T* gradient = weights + n * n;
  T* sums = gradient + n * n;
  T* scratch = sums + n;
  weigh(head, sizes, weights, sums);
  multiply_small(SmallProduct<T>{head.values.t(), of_out, Strided<T>{gradient, n, 1}, {n, sizes.d_h, n}, scratch});
  drop(gradient, n, mask);
  softmax_columns_backward(weights, gradient, n, sums);
  scale(gradient, sizes);
  drop(weights, n, mask);
  const Strided<const T> of_scores{gradient, n, 1}, dropped{weights, n, 1};
  multiply_small(SmallProduct<T>{head.keys, of_scores, of_head.queries, {sizes.r, n, n}, scratch});
  multiply_small(SmallProduct<T>{head.queries, of_scores.t(), of_head.keys, {sizes.r, n, n}, scratch});
  multiply_small(SmallProduct<T>{of_out, dropped.t(), of_head.values, {sizes.d_h, n, n}, scratch});
}

}  // namespace

VQA_VECTOR_CLONES void mix_head(const HeadSlots<const float>& head, const MixSizes& sizes, const BlockMask& mask,
                                Strided<float> out, float* room) {
  mix(head, sizes, mask, out, room);
}
void mix_head(const HeadSlots<const double>& head, const MixSizes& sizes, const BlockMask& mask, Strided<double> out,
              double* room) {
  mix(head, sizes, mask, out, room);
}

VQA_VECTOR_CLONES void mix_head_backward(const HeadSlots<const float>& head, const MixSizes& sizes,
                                         const BlockMask& mask, Strided<const float> of_out,
                                         const HeadSlots<float>& of_head, float* room) {
  mix_backward(head, sizes, mask, of_out, of_head, room);
}
void mix_head_backward(const HeadSlots<const double>& head, const MixSizes& sizes, const BlockMask& mask,
                       Strided<const double> of_out, const HeadSlots<double>& of_head, double* room) {
  mix_backward(head, sizes, mask, of_out, of_head, room);
}

}  // namespace fusion
