// Compiled with multiplications and additions contracted (fusion/CMakeLists.txt).
#include "fusion/few_rows.h"

#include "data/vector_clones.h"

namespace fusion {
namespace {

constexpr int kLanes = 16;
using Lanes [[gnu::vector_size(kLanes * sizeof(float)), gnu::aligned(sizeof(float))]] = float;

constexpr int kRows = 4, kColumns = 2;  // of a tile, whose sums stay in registers

[[gnu::always_inline]] inline float total(const Lanes& lanes) {
  float sums[kLanes];
  for (int i = 0; i < kLanes; ++i) sums[i] = lanes[i];
  for (int step = kLanes / 2; step > 0; step /= 2) {
    for (int i = 0; i < step; ++i) sums[i] += sums[i + step];
  }
  return sums[0];
}

/// Rows i .. i + kTileRows by columns j .. j + kTileColumns.
template <int kTileRows, int kTileColumns>
[[gnu::always_inline]] inline void tile(const FewRows& p, int64_t i, int64_t j) {
  const float* x = p.x + i * p.k;
  const float* w = p.w + j * p.k;
  Lanes sums[kTileRows][kTileColumns] = {};
  int64_t k = 0;
  for (; k + kLanes <= p.k; k += kLanes) {
    Lanes right[kTileColumns];
    for (int c = 0; c < kTileColumns; ++c) right[c] = *reinterpret_cast<const Lanes*>(w + c * p.k + k);
    for (int r = 0; r < kTileRows; ++r) {
      const Lanes left = *reinterpret_cast<const Lanes*>(x + r * p.k + k);
      for (int c = 0; c < kTileColumns; ++c) sums[r][c] += left * right[c];
    }
  }
  for (int r = 0; r < kTileRows; ++r) {
    for (int c = 0; c < kTileColumns; ++c) {
      float sum = total(sums[r][c]);
      for (int64_t rest = k; rest < p.k; ++rest) sum += x[r * p.k + rest] * w[c * p.k + rest];
      p.out[(i + r) * p.out_row + j + c] = sum;
    }
  }
}

template <int kTileColumns>
[[gnu::always_inline]] inline void columns(const FewRows& p, int64_t j) {
  int64_t i = 0;
  for (; i + kRows <= p.rows; i += kRows) tile<kRows, kTileColumns>(p, i, j);
  for (; i < p.rows; ++i) tile<1, kTileColumns>(p, i, j);
}

}  // namespace

VQA_VECTOR_CLONES void multiply_few_rows(const FewRows& product) {
  int64_t j = 0;
  for (; j + kColumns <= product.columns; j += kColumns) columns<kColumns>(product, j);
  for (; j < product.columns; ++j) columns<1>(product, j);
}

}  // namespace fusion
