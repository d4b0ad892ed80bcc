// What a block of threads does in compress_rows's backward pass, first part: the gradients of scores. W is computed
// again; a score's is w (factor (g + of_row_sums) - mean), where g is x's product with the slot's gradient, `factor`
// dropout's, and `mean` the sum over all rows of weight times its gradient.
#pragma once

#include "fusion/cuda/rows.h"
#include "fusion/cuda/tile_fill.h"

namespace fusion::cuda {

/// What the forward pass left, and the gradients of what it gave.
template <class T>
struct CompressSaved {
  RowShape s;
  DropoutMask mask;
  const T *x, *queries, *weight, *projected;  // (B, n, D), (B, m, r), (p, D), (B, n, p)
  const SlotSoftmax* softmaxes;               // (B, m)
  const float* mean;                          // (B, m)
  const T *of_mixed, *of_row_sums;            // (B, m, D), (B, m)
  const T* of_projected;                      // (B, n, p)

  VQA_HOST_DEVICE Source<T> x_of(int sample) const {
    return Source<T>::of(x + s.row(sample, 0) * s.dim, s.rows(sample), s.dim, s.dim);
  }
  VQA_HOST_DEVICE Source<T> of_mixed_of(int sample) const {
    return Source<T>::of(of_mixed + s.slot(sample, 0) * s.dim, s.m(), s.dim, s.dim);
  }
  VQA_HOST_DEVICE float factor(int sample, int position, int j) const {
    return mask.drops() ? mask.factor(s.mask_index(sample, position, j)) : 1.0F;
  }
};

/// The gradients of scores, and what they give to keys and queries: tiles of rows by slots of whole heads.
template <class T>
struct ScoresBackward {
  using Shared = TileMemory<T>;

  CompressSaved<T> saved;
  T* of_columns;      // (B, n, p) gradient of `projected` with that of the keys added; padding is not written
  float* of_queries;  // (B, tiles of rows, m, r)

  int64_t blocks() const {
    const RowShape& s = saved.s;
    return static_cast<int64_t>(s.batch) * tiles(s.n, kTileRows) * tiles(s.m(), s.whole_heads());
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    const RowShape& s = saved.s;
    GridIndex index(block.index());
    const int width = s.whole_heads(), j0 = index.next(tiles(s.m(), width)) * width;
    const int row0 = index.next(tiles(s.n, kTileRows)) * kTileRows, sample = index.next(s.batch);
    const Place at{sample, row0, j0, j0 + width < s.m() ? width : s.m() - j0};
    const Source<T> x = saved.x_of(sample), of_mixed = saved.of_mixed_of(sample);
    TileSum<T> sum;
    add_products(block, memory, sum, 0, row0 < x.rows ? s.dim : 0, [&](int k) {
      fill_turned<kTileRows>(block, x, row0, k, memory.a(0), Shared::kARow);
      fill_turned<kTileColumns>(block, of_mixed, j0, k, memory.b(0), Shared::kBRow);
    });
    finish_products(block, memory, sum);
    to_scores(block, memory, at);
    block.sync();
    add_to_keys(block, memory, at);
    sum_queries(block, memory, at);
    if (j0 == 0) copy_others(block, at);
  }

 private:
  struct Place {
    int sample, row0, j0, width;
  };

  /// Gradients of weights -> of scores, in place; zero past the rows.
  template <class Block>
  VQA_HOST_DEVICE void to_scores(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = saved.s;
    static_assert(kThreads % kTileColumns == 0, "a thread's elements are in one column");
    const int column = block.thread() % kTileColumns, j = at.j0 + column, rows = s.rows(at.sample);
    if (column >= at.width) return;  // nobody reads these
    const SlotScores<T> slot(s, at.sample, j, saved.projected, saved.queries, saved.softmaxes);
    const auto of_sum = static_cast<float>(saved.of_row_sums[s.slot(at.sample, j)]);
    const float mean = saved.mean[s.slot(at.sample, j)];
    for (int row = block.thread() / kTileColumns; row < kTileRows; row += kThreads / kTileColumns) {
      const int position = at.row0 + row;
      float& g = memory.c(row)[column];
      g = position < rows ? slot.weight(position) * (saved.factor(at.sample, position, j) * (g + of_sum) - mean) : 0.0F;
    }
  }

  template <class Block>
  VQA_HOST_DEVICE void add_to_keys(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = saved.s;
    const int keys = at.width / s.d_p * s.r, first = at.j0 / s.d_p * s.r, rows = s.rows(at.sample);
    share_out(block, kTileRows * keys, [&](int item) {
      const int row = item / keys, key = item % keys, head = key / s.r, c = key % s.r;
      if (at.row0 + row >= rows) return;
      const T* query = saved.queries + s.slot(at.sample, at.j0 + head * s.d_p) * s.r + c;
      float sum = 0;
      for (int slot = 0; slot < s.d_p; ++slot)
        sum += memory.c(row)[head * s.d_p + slot] * static_cast<float>(query[slot * s.r]);
      const int64_t to = s.row(at.sample, at.row0 + row) * s.columns + first + key;
      of_columns[to] = static_cast<T>(static_cast<float>(saved.of_projected[to]) + sum);
    });
  }

  template <class Block>
  VQA_HOST_DEVICE void sum_queries(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = saved.s;
    const int rows = s.rows(at.sample), left = rows - at.row0, count = left < kTileRows ? left : kTileRows;
    const int64_t part = static_cast<int64_t>(at.sample) * tiles(s.n, kTileRows) + at.row0 / kTileRows;
    share_out(block, at.width * s.r, [&](int item) {
      const int column = item / s.r, c = item % s.r, j = at.j0 + column;
      const T* key = saved.projected + s.row(at.sample, at.row0) * s.columns + j / s.d_p * s.r + c;
      float sum = 0;
      for (int row = 0; row < count; ++row)
        sum += memory.c(row)[column] * static_cast<float>(key[static_cast<int64_t>(row) * s.columns]);
      of_queries[(part * s.m() + j) * s.r + c] = sum;
    });
  }

  /// The columns that are no keys.
  template <class Block>
  VQA_HOST_DEVICE void copy_others(const Block& block, const Place& at) const {
    const RowShape& s = saved.s;
    const int others = s.columns - s.keys(), rows = s.rows(at.sample);
    share_out(block, kTileRows * others, [&](int item) {
      const int row = item / others, column = s.keys() + item % others;
      if (at.row0 + row >= rows) return;
      const int64_t to = s.row(at.sample, at.row0 + row) * s.columns + column;
      of_columns[to] = saved.of_projected[to];
    });
  }
};

}  // namespace fusion::cuda
