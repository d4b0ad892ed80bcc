// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/small_product.h"

namespace fusion {
namespace {

/// A vector of as many bytes as an instruction set's registers have: a compiler keeps sums in no larger one.
template <class T, int kBytes>
using Lanes [[gnu::vector_size(kBytes), gnu::aligned(alignof(T))]] = T;

/// c = start + a b as long as vectors and tiles go; `b` has unit column stride. Of single numbers, which a compiler
/// keeps in registers.
template <class T>
struct Product {
  const T* a;
  int64_t a_row, a_column;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row, c_column;
  const T* start;  // (m), one number for each row of c; null: zeros
  int64_t m, k;
};

template <class T>
[[gnu::always_inline]] inline T start_of(const Product<T>& p, int64_t i) {
  return p.start == nullptr ? T(0) : p.start[i];
}

template <class T>
[[gnu::always_inline]] inline void store(const Product<T>& p, int64_t i, int64_t j, const T* row, int width) {
  T* out = p.c + i * p.c_row + j * p.c_column;
  for (int l = 0; l < width; ++l) out[l * p.c_column] = row[l];
}

/// Rows i .. i + kRows of as many columns from j on as kVectors hold. The sums stay in registers.
template <int kBytes, int kRows, int kVectors, class T>
[[gnu::always_inline]] inline void tile(const Product<T>& p, int64_t i, int64_t j) {
  using Vector = Lanes<T, kBytes>;
  constexpr int kWidth = kBytes / sizeof(T);
  // Rows are found from the first of four: one register for the place of each would be more than there are.
  const T* groups[(kRows + 3) / 4];
  for (int r = 0; r < kRows; r += 4) groups[r / 4] = p.a + (i + r) * p.a_row;
  const T* b = p.b + j;
  Vector sums[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sums[r][v] = start_of(p, i + r) + Vector{};
  }
  for (int64_t k = 0; k < p.k; ++k) {
    Vector right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = *reinterpret_cast<const Vector*>(b + v * kWidth);
    for (int r = 0; r < kRows; ++r) {
      const T left = groups[r / 4][r % 4 * p.a_row];
      for (int v = 0; v < kVectors; ++v) sums[r][v] += left * right[v];
    }
    for (const T*& group : groups) group += p.a_column;
    b += p.b_row;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      if (p.c_column == 1) {
        *reinterpret_cast<Vector*>(p.c + (i + r) * p.c_row + j + v * kWidth) = sums[r][v];
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
  for (; i + kRows <= p.m; i += kRows) tile<kBytes, kRows, kVectors>(p, i, j);
  for (; i + 4 <= p.m; i += 4) tile<kBytes, 4, kVectors>(p, i, j);
  for (; i < p.m; ++i) tile<kBytes, 1, kVectors>(p, i, j);
}

/// All rows of the columns that fill no vector.
template <int kWidth, class T>
[[gnu::always_inline]] inline void narrow(const Product<T>& p, int64_t j) {
  for (int64_t i = 0; i < p.m; ++i) {
    T sums[kWidth];
    for (int l = 0; l < kWidth; ++l) sums[l] = start_of(p, i);
    for (int64_t k = 0; k < p.k; ++k) {
      const T left = p.a[i * p.a_row + k * p.a_column];
      for (int l = 0; l < kWidth; ++l) sums[l] += left * p.b[k * p.b_row + j + l];
    }
    store(p, i, j, sums, kWidth);
  }
}

/// `kRows` of a tile two vectors wide, twice as many of one that is one wide.
template <int kBytes, int kRows, class T>
[[gnu::always_inline]] inline void multiply(const SmallProduct<T>& product) {
  const auto& [a, b, c, scratch, start] = product;
  const int64_t n = b.columns;
  Product<T> p{a.data, a.row, a.column, b.data, b.row, c.data, c.row, c.column, start, a.rows, a.columns};
  if (b.column != 1) {
    for (int64_t k = 0; k < b.rows; ++k) {
      for (int64_t j = 0; j < n; ++j) scratch[k * n + j] = b.data[k * b.row + j * b.column];
    }
    p.b = scratch;
    p.b_row = n;
  }
  constexpr int64_t kWidth = kBytes / sizeof(T);
  int64_t j = 0;
  for (; j + 2 * kWidth <= n; j += 2 * kWidth) tiles<kBytes, kRows, 2>(p, j);
  for (; j + kWidth <= n; j += kWidth) tiles<kBytes, 2 * kRows, 1>(p, j);
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
