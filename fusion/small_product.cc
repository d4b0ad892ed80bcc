// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/small_product.h"

namespace fusion {
namespace {

/// A vector of as many bytes as an instruction set's registers have: a compiler keeps sums in no larger one.
template <class T, int kBytes>
using Lanes [[gnu::vector_size(kBytes), gnu::aligned(alignof(T))]] = T;

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

/// Rows i .. i + kRows of as many columns from j on as kVectors hold. The sums stay in registers.
template <int kBytes, int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tile(const Product<T>& p, int64_t i, int64_t j) {
  using Vector = Lanes<T, kBytes>;
  constexpr int kWidth = kBytes / sizeof(T);
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
template <int kBytes, int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tiles(const Product<T>& p, int64_t j) {
  int64_t i = 0;
  for (; i + kRows <= p.sizes.m; i += kRows) tile<kBytes, kRows, kVectors>(p, i, j);
  for (; i < p.sizes.m; ++i) tile<kBytes, 1, kVectors>(p, i, j);
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

/// `kRows` of a tile two vectors wide.
template <int kBytes, int kRows, class T>
[[gnu::always_inline]] inline void multiply(const SmallProduct<T>& product) {
  const auto& [a, b, c, sizes, scratch, start] = product;
  Product<T> p{a, b.data, b.row, c, start, sizes};
  if (b.column != 1) {
    for (int64_t k = 0; k < sizes.k; ++k) {
      for (int64_t j = 0; j < sizes.n; ++j) scratch[k * sizes.n + j] = b.data[k * b.row + j * b.column];
    }
    p.b = scratch;
    p.b_row = sizes.n;
  }
  constexpr int64_t kWidth = kBytes / sizeof(T);
  int64_t j = 0;
  for (; j + 2 * kWidth <= sizes.n; j += 2 * kWidth) tiles<kBytes, kRows, 2>(p, j);
  for (; j + kWidth <= sizes.n; j += kWidth) tiles<kBytes, 8, 1>(p, j);
  for (; j + 4 <= sizes.n; j += 4) narrow<4>(p, j);
  for (; j < sizes.n; ++j) narrow<1>(p, j);
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
