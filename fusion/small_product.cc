// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/small_product.h"

namespace fusion {
namespace {

/// A vector of as many bytes as an instruction set's registers have: a compiler keeps sums in no larger one.
template <class T, int kBytes>
using Lanes [[gnu::vector_size(kBytes), gnu::aligned(alignof(T))]] = T;

// Below, the right factor has rows without gaps between their numbers.

template <class T>
[[gnu::always_inline]] inline T start_of(const SmallProduct<T>& p, int64_t i) {
  return p.start == nullptr ? T(0) : p.start[i];
}

template <class T>
[[gnu::always_inline]] inline void store(const SmallProduct<T>& p, int64_t i, int64_t j, const T* row, int width) {
  T* out = p.c.data + i * p.c.row + j * p.c.column;
  for (int l = 0; l < width; ++l) out[l * p.c.column] = row[l];
}

/// Rows i .. i + kRows of as many columns from j on as kVectors hold. The sums stay in registers.
template <int kBytes, int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tile(const SmallProduct<T>& p, int64_t i, int64_t j) {
  using Vector = Lanes<T, kBytes>;
  constexpr int kWidth = kBytes / sizeof(T);
  const T* a = p.a.data + i * p.a.row;
  Vector sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sums[r][v] = start_of(p, i + r) + Vector{};
  }
  for (int64_t k = 0; k < p.a.columns; ++k) {
    const T* b = p.b.data + k * p.b.row + j;
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
template <int kBytes, int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tiles(const SmallProduct<T>& p, int64_t j) {
  int64_t i = 0;
  for (; i + kRows <= p.a.rows; i += kRows) tile<kBytes, kRows, kVectors>(p, i, j);
  for (; i < p.a.rows; ++i) tile<kBytes, 1, kVectors>(p, i, j);
}

/// All rows of the columns that fill no vector.
template <int kWidth, class T>
[[gnu::always_inline]] inline void narrow(const SmallProduct<T>& p, int64_t j) {
  for (int64_t i = 0; i < p.a.rows; ++i) {
    T sums[kWidth];
    for (int l = 0; l < kWidth; ++l) sums[l] = start_of(p, i);
    for (int64_t k = 0; k < p.a.columns; ++k) {
      const T left = p.a.data[i * p.a.row + k * p.a.column];
      for (int l = 0; l < kWidth; ++l) sums[l] += left * p.b.data[k * p.b.row + j + l];
    }
    store(p, i, j, sums, kWidth);
  }
}

/// `kRows` of a tile two vectors wide.
template <int kBytes, int kRows, class T>
[[gnu::always_inline]] inline void multiply(const SmallProduct<T>& product) {
  SmallProduct<T> p = product;
  const int64_t n = p.b.columns;
  if (p.b.column != 1) {
    for (int64_t k = 0; k < p.b.rows; ++k) {
      for (int64_t j = 0; j < n; ++j) p.scratch[k * n + j] = p.b.data[k * p.b.row + j * p.b.column];
    }
    p.b = {p.scratch, p.b.rows, n};
  }
  constexpr int64_t kWidth = kBytes / sizeof(T);
  int64_t j = 0;
  for (; j + 2 * kWidth <= n; j += 2 * kWidth) tiles<kBytes, kRows, 2>(p, j);
  for (; j + kWidth <= n; j += kWidth) tiles<kBytes, 8, 1>(p, j);
  for (; j + 4 <= n; j += 4) narrow<4>(p, j);
  for (; j < n; ++j) narrow<1>(p, j);
}

using Multiply = void (*)(const SmallProduct<float>&);

void multiply_by_16_bytes(const SmallProduct<float>& product) { multiply<16, 4>(product); }

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] void multiply_by_32_bytes(const SmallProduct<float>& product) { multiply<32, 4>(product); }
[[gnu::target("avx512f")]] void multiply_by_64_bytes(const SmallProduct<float>& product) { multiply<64, 8>(product); }

Multiply fastest() {
  if (__builtin_cpu_supports("avx512f")) return multiply_by_64_bytes;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return multiply_by_32_bytes;
  return multiply_by_16_bytes;
}
#else
Multiply fastest() { return multiply_by_16_bytes; }
#endif

}  // namespace

void multiply_small(const SmallProduct<float>& product) {
  static const Multiply multiply_floats = fastest();
  multiply_floats(product);
}
void multiply_small(const SmallProduct<double>& product) { multiply<16, 4>(product); }

}  // namespace fusion
