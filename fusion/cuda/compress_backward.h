// What a block of threads does in compress_rows's backward pass, after the gradients of scores: those of X and weight.
#pragma once

#include "fusion/cuda/scores_backward.h"
#include "fusion/cuda/tile_fill.h"

namespace fusion::cuda {

/// X's gradient, W^T of_mixed + of_columns weight: one sum over depths that run through the slots, then, from the next
/// multiple of kDepth on, through the columns.
template <class T>
struct RowsBackward {
  using Shared = TileMemory<T>;

  CompressSaved<T> saved;
  const T* of_columns;  // (B, n, p), see ScoresBackward
  T* of_x;              // (B, n, D), zero at padding

  int64_t blocks() const {
    const RowShape& s = saved.s;
    return static_cast<int64_t>(s.batch) * tiles(s.n, kTileRows) * tiles(s.dim, kTileColumns);
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    const RowShape& s = saved.s;
    GridIndex index(block.index());
    const int column0 = index.next(tiles(s.dim, kTileColumns)) * kTileColumns;
    const int row0 = index.next(tiles(s.n, kTileRows)) * kTileRows, sample = index.next(s.batch);
    const int rows = s.rows(sample), second = tiles(s.m(), kDepth) * kDepth;
    const Source<T> of_mixed = saved.of_mixed_of(sample);
    const auto columns = Source<T>::of(of_columns + s.row(sample, 0) * s.columns, rows, s.columns, s.columns);
    const auto weight = Source<T>::of(saved.weight, s.columns, s.dim, s.dim);
    TileSum<T> sum;
    add_products(block, memory, sum, 0, row0 < rows ? second + s.columns : 0, [&](int k) {
      if (k < second) {
        fill_weights(block, memory, {sample, row0, k});
      } else {
        fill_turned<kTileRows>(block, columns, row0, k - second, memory.a(0), Shared::kARow);
      }
      const Source<T>& from = k < second ? of_mixed : weight;
      fill_straight<kTileColumns>(block, from, k < second ? k : k - second, column0, memory.b(0), Shared::kBRow);
    });
    finish_products(block, memory, sum);
    for_each_element(block, [&](int row, int column) {
      if (row0 + row >= s.n || column0 + column >= s.dim) return;
      const float value = row0 + row < rows ? memory.c(row)[column] : 0.0F;
      of_x[s.row(sample, row0 + row) * s.dim + column0 + column] = static_cast<T>(value);
    });
  }

 private:
  struct Place {
    int sample, row0, j0;
  };

  /// The weights of kTileRows rows in kDepth slots: neighbours are rows, which share what is the slot's.
  template <class Block>
  VQA_HOST_DEVICE void fill_weights(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = saved.s;
    const int rows = s.rows(at.sample);
    share_out(block, kDepth * kTileRows, [&](int item) {
      const int k = item / kTileRows, row = item % kTileRows, j = at.j0 + k, position = at.row0 + row;
      float weight = 0;
      if (j < s.m() && position < rows) {
        const SlotScores<T> slot(s, at.sample, j, saved.projected, saved.queries, saved.softmaxes);
        weight = slot.weight(position) * saved.factor(at.sample, position, j);
      }
      memory.a(k)[row] = static_cast<T>(weight);
    });
  }
};

/// The gradient of `weight`, of_columns^T X over all samples' rows, the samples in `splits` parts.
template <class T>
struct WeightBackward {
  using Shared = TileMemory<T>;

  CompressSaved<T> saved;
  const T* of_columns;  // (B, n, p), see ScoresBackward
  int splits;
  float* partial;  // (splits, p, D)

  int64_t blocks() const { return splits * tiles_of(saved.s); }
  static int64_t tiles_of(const RowShape& s) {
    return static_cast<int64_t>(tiles(s.columns, kTileRows)) * tiles(s.dim, kTileColumns);
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    const RowShape& s = saved.s;
    GridIndex index(block.index());
    const int column0 = index.next(tiles(s.dim, kTileColumns)) * kTileColumns;
    const int row0 = index.next(tiles(s.columns, kTileRows)) * kTileRows, split = index.next(splits);
    const int share = tiles(s.batch, splits), first = split * share;
    TileSum<T> sum;
    for (int sample = first; sample < first + share && sample < s.batch; ++sample) {
      const Source<T> x = saved.x_of(sample);
      const auto columns = Source<T>::of(of_columns + s.row(sample, 0) * s.columns, x.rows, s.columns, s.columns);
      add_products(block, memory, sum, 0, x.rows, [&](int k) {
        fill_straight<kTileRows>(block, columns, k, row0, memory.a(0), Shared::kARow);
        fill_straight<kTileColumns>(block, x, k, column0, memory.b(0), Shared::kBRow);
      });
    }
    finish_products(block, memory, sum);
    for_each_element(block, [&](int row, int column) {
      if (row0 + row >= s.columns || column0 + column >= s.dim) return;
      partial[(static_cast<int64_t>(split) * s.columns + row0 + row) * s.dim + column0 + column] =
          memory.c(row)[column];
    });
  }
};

}  // namespace fusion::cuda
