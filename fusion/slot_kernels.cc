// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/slot_kernels.h"

#include <algorithm>
#include <cmath>

#include "data/vector_clones.h"
#include "data/vector_math.h"

#define VQA_INLINE [[gnu::always_inline]] inline

namespace fusion {
namespace {

using data::exponential;

template <class T>
VQA_INLINE void raise(const T* scores, int64_t rows, int64_t m, T* most, T* factors) {
  for (int64_t j = 0; j < m; ++j) factors[j] = most[j];
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < m; ++j) most[j] = std::max(most[j], scores[r * m + j]);
  }
  for (int64_t j = 0; j < m; ++j) factors[j] = exponential(factors[j] - most[j]);
}

template <bool kDrops, class T>
VQA_INLINE void add_rows(T* scores, int64_t rows, int64_t m, const RunningSoftmax<T>& softmax, BlockMask mask) {
  for (int64_t r = 0; r < rows; ++r) {
    T* row = scores + r * m;
    for (int64_t j = 0; j < m; ++j) {
      const T weight = exponential(row[j] - softmax.most[j]);
      const T kept = kDrops ? weight * mask.factor(r, j) : weight;
      softmax.total[j] += weight;
      if constexpr (kDrops) softmax.kept[j] += kept;
      row[j] = kept;
    }
  }
}

template <class T>
VQA_INLINE void add_block_of(T* scores, int64_t rows, int64_t m, const RunningSoftmax<T>& softmax, BlockMask mask,
                             T* factors) {
  raise(scores, rows, m, softmax.most, factors);
  for (int64_t j = 0; j < m; ++j) softmax.total[j] *= factors[j];
  if (!mask.drops()) {
    add_rows<false>(scores, rows, m, softmax, mask);
    for (int64_t j = 0; j < m; ++j) softmax.kept[j] = softmax.total[j];
    return;
  }
  for (int64_t j = 0; j < m; ++j) softmax.kept[j] *= factors[j];
  add_rows<true>(scores, rows, m, softmax, mask);
}

template <bool kDrops, class T>
VQA_INLINE void positions_backward_of(T* scores, T* gradient, int64_t rows, int64_t m, const PositionsGradient<T>& from,
                                      BlockMask mask) {
  for (int64_t r = 0; r < rows; ++r) {
    T* score = scores + r * m;
    T* g = gradient + r * m;
    for (int64_t j = 0; j < m; ++j) {
      const T weight = exponential(score[j] - from.most[j]) * from.inverse[j];
      const T factor = kDrops ? mask.factor(r, j) : 1;
      g[j] = weight * (factor * (g[j] + from.of_sums[j]) - from.mean[j]);
      score[j] = factor * weight;
    }
  }
}

/// The softmax of one head's slots, in place.
template <class T>
VQA_INLINE void softmax(T* x, int64_t slots) {
  const T most = data::max_of(slots, x[0], [&](int64_t s) { return x[s]; });
  for (int64_t s = 0; s < slots; ++s) x[s] = exponential(x[s] - most);
  const T inverse = 1 / data::sum_of(slots, [&](int64_t s) { return x[s]; });
  for (int64_t s = 0; s < slots; ++s) x[s] *= inverse;
}

/// The softmaxes of all heads of one position, `logits` (m) -> `weights` (m), with the greatest of all logits in place
/// of each head's own, which saves the search for it; of a head that lies so far below that its sum loses digits, with
/// its own.
template <class T>
VQA_INLINE void softmaxes(const T* logits, const T* bias, T* weights, const SlotGroups& groups) {
  constexpr T kLeastSum = static_cast<T>(1e-30);
  const int64_t m = groups.columns(), slots = groups.slots;
  for (int64_t j = 0; j < m; ++j) weights[j] = logits[j] + bias[j];
  const T most = data::max_of(m, weights[0], [&](int64_t j) { return weights[j]; });
  for (int64_t j = 0; j < m; ++j) weights[j] = exponential(weights[j] - most);
  for (T* of_head = weights; of_head < weights + m; of_head += slots) {
    const T sum = data::sum_of(slots, [&](int64_t s) { return of_head[s]; });
    if (sum < kLeastSum) {
      const int64_t first = of_head - weights;
      for (int64_t s = 0; s < slots; ++s) of_head[s] = logits[first + s] + bias[first + s];
      softmax(of_head, slots);
      continue;
    }
    const T inverse = 1 / sum;
    for (int64_t s = 0; s < slots; ++s) of_head[s] *= inverse;
  }
}

template <class T>
VQA_INLINE void drop(T* weights, int64_t rows, int64_t m, BlockMask mask) {
  if (!mask.drops()) return;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < m; ++j) weights[r * m + j] *= mask.factor(r, j);
  }
}

template <class T>
VQA_INLINE void slots_forward_of(const T* logits, const T* bias, T* weights, int64_t rows, const SlotGroups& groups,
                                 BlockMask mask) {
  const int64_t m = groups.columns();
  for (int64_t r = 0; r < rows; ++r) softmaxes(logits + r * m, bias, weights + r * m, groups);
  drop(weights, rows, m, mask);
}

template <class T>
VQA_INLINE void slots_backward_of(T* weights, T* gradient, int64_t rows, const SlotGroups& groups, BlockMask mask) {
  const int64_t slots = groups.slots;
  drop(gradient, rows, groups.columns(), mask);
  for (int64_t i = 0; i < rows * groups.heads; ++i) {
    const T* w = weights + i * slots;
    T* g = gradient + i * slots;
    const T mean = data::sum_of(slots, [&](int64_t s) { return w[s] * g[s]; });
    for (int64_t s = 0; s < slots; ++s) g[s] = w[s] * (g[s] - mean);
  }
  drop(weights, rows, groups.columns(), mask);
}

}  // namespace

VQA_VECTOR_CLONES void add_block(float* scores, int64_t rows, int64_t m, const RunningSoftmax<float>& softmax,
                                 BlockMask mask, float* factors) {
  add_block_of(scores, rows, m, softmax, mask, factors);
}
void add_block(double* scores, int64_t rows, int64_t m, const RunningSoftmax<double>& softmax, BlockMask mask,
               double* factors) {
  add_block_of(scores, rows, m, softmax, mask, factors);
}

VQA_VECTOR_CLONES void positions_backward(float* scores, float* gradient, int64_t rows, int64_t m,
                                          const PositionsGradient<float>& from, BlockMask mask) {
  if (mask.drops()) return positions_backward_of<true>(scores, gradient, rows, m, from, mask);
  positions_backward_of<false>(scores, gradient, rows, m, from, mask);
}
void positions_backward(double* scores, double* gradient, int64_t rows, int64_t m,
                        const PositionsGradient<double>& from, BlockMask mask) {
  positions_backward_of<true>(scores, gradient, rows, m, from, mask);
}

VQA_VECTOR_CLONES void scale(const float* from, float factor, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = factor * from[i];
}
void scale(const double* from, double factor, int64_t count, double* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = factor * from[i];
}

VQA_VECTOR_CLONES void add_scaled(const float* from, float factor, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}
void add_scaled(const double* from, double factor, int64_t count, double* to) {
  for (int64_t i = 0; i < count; ++i) to[i] += factor * from[i];
}

VQA_VECTOR_CLONES float dot(const float* a, const float* b, int64_t count) {
  return data::sum_of(count, [&](int64_t i) { return a[i] * b[i]; });
}
double dot(const double* a, const double* b, int64_t count) {
  return data::sum_of(count, [&](int64_t i) { return a[i] * b[i]; });
}

VQA_VECTOR_CLONES void slots_forward(const float* logits, const float* bias, float* weights, int64_t rows,
                                     const SlotGroups& groups, BlockMask mask) {
  slots_forward_of(logits, bias, weights, rows, groups, mask);
}
void slots_forward(const double* logits, const double* bias, double* weights, int64_t rows, const SlotGroups& groups,
                   BlockMask mask) {
  slots_forward_of(logits, bias, weights, rows, groups, mask);
}

VQA_VECTOR_CLONES void slots_backward(float* weights, float* gradient, int64_t rows, const SlotGroups& groups,
                                      BlockMask mask) {
  slots_backward_of(weights, gradient, rows, groups, mask);
}
void slots_backward(double* weights, double* gradient, int64_t rows, const SlotGroups& groups, BlockMask mask) {
  slots_backward_of(weights, gradient, rows, groups, mask);
}

}  // namespace fusion
