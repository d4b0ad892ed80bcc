// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/small_product.h"

#include "data/vector_clones.h"

namespace fusion {
namespace {

constexpr int kVectorBytes = 64;

template <class T>
using Lanes [[gnu::vector_size(kVectorBytes), gnu::aligned(alignof(T))]] = T;

template <class T>
constexpr int kLanes = kVectorBytes / sizeof(T);

/// c = start + a b as long as vectors and tiles go; `b` has unit column stride.
template <class T>
struct Product {
  Strided<const T> a;
  const T* b;
  int64_t b_row;
  Strided<T> c;
  const T* start;  // (m), one number for each row of c; null: zeros
  SmallSizes sizes;
};

template <class T>
[[gnu::always_inline]] inline T start_of(const Product<T>& p, int64_t i) {
  return p.start == nullptr ? T(0) : p.start[i];
}

template <class T>
[[gnu::always_inline]] inline void store(const Product<T>& p, int64_t i, int64_t j, const T* row, int width) {
  T* out = p.c.data + i * p.c.row + j * p.c.column;
  for (int l = 0; l < width; ++l) out[l * p.c.column] = row[l];
}

/// Rows i .. i + kRows of columns j .. j + kVectors kLanes. The sums stay in registers.
template <int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tile(const Product<T>& p, int64_t i, int64_t j) {
  using Vector = Lanes<T>;
  constexpr int kWidth = kLanes<T>;
  const T* a = p.a.data + i * p.a.row;
  Vector sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sums[r][v] = start_of(p, i + r) + Vector{};
  }
  for (int64_t k = 0; k < p.sizes.k; ++k) {
    const T* b = p.b + k * p.b_row + j;
    Vector right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = *reinterpret_cast<const Vector*>(b + v * kWidth);
    for (int r = 0; r < kRows; ++r) {
      const T left = a[r * p.a.row + k * p.a.column];
      for (int v = 0; v < kVectors; ++v) sums[r][v] += left * right[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      if (p.c.column == 1) {
        *reinterpret_cast<Vector*>(p.c.data + (i + r) * p.c.row + j + v * kWidth) = sums[r][v];
      } else {
        T row[kWidth];
        *reinterpret_cast<Vector*>(row) = sums[r][v];
        store(p, i + r, j + v * kWidth, row, kWidth);
      }
    }
  }
}

/// All rows of as many vectors.
template <int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tiles(const Product<T>& p, int64_t j) {
  int64_t i = 0;
  for (; i + kRows <= p.sizes.m; i += kRows) tile<kRows, kVectors>(p, i, j);
  for (; i < p.sizes.m; ++i) tile<1, kVectors>(p, i, j);
}

/// All rows of the columns that fill no vector.
template <int kWidth, class T>
[[gnu::always_inline]] inline void narrow(const Product<T>& p, int64_t j) {
  for (int64_t i = 0; i < p.sizes.m; ++i) {
    T sums[kWidth];
    for (int l = 0; l < kWidth; ++l) sums[l] = start_of(p, i);
    for (int64_t k = 0; k < p.sizes.k; ++k) {
      const T left = p.a.data[i * p.a.row + k * p.a.column];
      for (int l = 0; l < kWidth; ++l) sums[l] += left * p.b[k * p.b_row + j + l];
    }
    store(p, i, j, sums, kWidth);
  }
}

template <class T>
[[gnu::always_inline]] inline void multiply(Strided<const T> a, Strided<const T> b, Strided<T> c,
                                            const SmallSizes& sizes, T* scratch, const T* start) {
  Product<T> p{a, b.data, b.row, c, start, sizes};
  if (b.column != 1) {
    for (int64_t k = 0; k < sizes.k; ++k) {
      for (int64_t j = 0; j < sizes.n; ++j) scratch[k * sizes.n + j] = b.data[k * b.row + j * b.column];
    }
    p.b = scratch;
    p.b_row = sizes.n;
  }
  int64_t j = 0;
  for (; j + 2 * kLanes<T> <= sizes.n; j += 2 * kLanes<T>) tiles<8, 2>(p, j);
  for (; j + kLanes<T> <= sizes.n; j += kLanes<T>) tiles<8, 1>(p, j);
  for (; j + 4 <= sizes.n; j += 4) narrow<4>(p, j);
  for (; j < sizes.n; ++j) narrow<1>(p, j);
}

}  // namespace

VQA_VECTOR_CLONES void multiply_small(Strided<const float> a, Strided<const float> b, Strided<float> c,
                                      const SmallSizes& sizes, float* scratch, const float* start) {
  multiply(a, b, c, sizes, scratch, start);
}
void multiply_small(Strided<const double> a, Strided<const double> b, Strided<double> c, const SmallSizes& sizes,
                    double* scratch, const double* start) {
  multiply(a, b, c, sizes, scratch, start);
}

}  // namespace fusion
