// What a block of threads does in compress_rows's forward pass.
//
// X is walked over once for the weighted sums (MixRows): their weights are softmaxes of keys and queries,
// made in shared memory where the product wants them. The running softmax that they need goes over the keys alone,
// h r numbers a row (SlotStatistics), so no sum has ever to be scaled again, and parts of a long sequence just add up.
#pragma once

#include "fusion/cuda/rows.h"
#include "fusion/cuda/tile_fill.h"

namespace fusion::cuda {

/// X weight^T, tile by tile; zero at padding, which is not read.
template <class T>
struct ProjectRows {
  using Shared = TileMemory<T>;

  RowShape s;
  const T *x, *weight;  // (B, n, D), (p, D)
  T* projected;         // (B, n, p)

  int64_t blocks() const {
    return static_cast<int64_t>(s.batch) * tiles(s.n, kTileRows) * tiles(s.columns, kTileColumns);
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    GridIndex index(block.index());
    const int column0 = index.next(tiles(s.columns, kTileColumns)) * kTileColumns;
    const int row0 = index.next(tiles(s.n, kTileRows)) * kTileRows, sample = index.next(s.batch);
    const int rows = s.rows(sample);
    const auto of_x = Source<T>::of(x + s.row(sample, 0) * s.dim, rows, s.dim, s.dim);
    const auto of_weight = Source<T>::of(weight, s.columns, s.dim, s.dim);
    TileSum<T> sum;
    add_products(block, memory, sum, 0, row0 < rows ? s.dim : 0, [&](int k) {
      fill_turned<kTileRows>(block, of_x, row0, k, memory.a(0), Shared::kARow);
      fill_turned<kTileColumns>(block, of_weight, column0, k, memory.b(0), Shared::kBRow);
    });
    finish_products(block, memory, sum);
    for_each_element(block, [&](int row, int column) {
      if (row0 + row >= s.n || column0 + column >= s.columns) return;
      const float value = row0 + row < rows ? memory.c(row)[column] : 0.0F;
      projected[s.row(sample, row0 + row) * s.columns + column0 + column] = static_cast<T>(value);
    });
  }
};

/// The softmax of every slot over the rows: a warp a slot, its threads' running softmaxes (Milakov and Gimelshein 2018)
/// merged at the end.
template <class T>
struct SlotStatistics {
  struct Shared {
    float most[kThreads], total[kThreads], kept[kThreads];
  };

  RowShape s;
  const T *projected, *queries;  // (B, n, p), (B, m, r)
  DropoutMask mask;
  SlotSoftmax* softmaxes;  // (B, m)
  float* row_sums;         // (B, m) sum of the weights after dropout

  static constexpr int kSlots = kThreads / kWarp;  // of a block
  int64_t blocks() const { return static_cast<int64_t>(s.batch) * tiles(s.m(), kSlots); }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& shared) const {
    GridIndex index(block.index());
    const int thread = block.thread(), lane = thread % kWarp;
    const int j = index.next(tiles(s.m(), kSlots)) * kSlots + thread / kWarp, sample = index.next(s.batch);
    float most = -FLT_MAX, total = 0, kept = 0;
    if (j < s.m()) {
      const SlotScores<T> slot(s, sample, j, projected, queries, nullptr);
      for (int position = lane; position < s.rows(sample); position += kWarp) {
        const float score = slot.score(position), above = fmaxf(most, score);
        const float factor = expf(most - above), weight = expf(score - above);
        const float dropped = mask.drops() ? mask.factor(s.mask_index(sample, position, j)) : 1.0F;
        total = total * factor + weight;
        kept = kept * factor + weight * dropped;
        most = above;
      }
    }
    shared.most[thread] = most, shared.total[thread] = total, shared.kept[thread] = kept;
    block.sync();
    if (lane == 0 && j < s.m()) merge(shared, thread, s.slot(sample, j));
  }

 private:
  /// The sums of the warp that begins at `first`.
  VQA_HOST_DEVICE void merge(const Shared& shared, int first, int64_t to) const {
    float most = -FLT_MAX, total = 0, kept = 0;
    for (int i = first; i < first + kWarp; ++i) most = fmaxf(most, shared.most[i]);
    for (int i = first; i < first + kWarp; ++i) {
      const float factor = expf(shared.most[i] - most);
      total += factor * shared.total[i];
      kept += factor * shared.kept[i];
    }
    softmaxes[to] = total > 0 ? SlotSoftmax{most, 1 / total} : SlotSoftmax{};
    row_sums[to] = total > 0 ? kept / total : 0.0F;
  }
};

/// W X, tile by tile; the rows of a long sequence in `splits` parts.
template <class T>
struct MixRows {
  using Shared = TileMemory<T>;

  RowShape s;
  const T *x, *projected, *queries;  // (B, n, D), (B, n, p), (B, m, r)
  const SlotSoftmax* softmaxes;      // (B, m)
  DropoutMask mask;
  int splits;
  T* mixed;        // (B, m, D), of one part
  float* partial;  // (splits, B, m, D), of several; null for one

  int64_t blocks() const { return splits * s.batch * tiles_of(s); }
  static int64_t tiles_of(const RowShape& s) {
    return static_cast<int64_t>(tiles(s.m(), kTileRows)) * tiles(s.dim, kTileColumns);
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    GridIndex index(block.index());
    const int column0 = index.next(tiles(s.dim, kTileColumns)) * kTileColumns;
    const int j0 = index.next(tiles(s.m(), kTileRows)) * kTileRows;
    const int sample = index.next(s.batch), split = index.next(splits);
    const int rows = s.rows(sample), share = tiles(rows, splits);
    const int begin = split * share, end = begin + share < rows ? begin + share : rows;
    const auto of_x = Source<T>::of(x + s.row(sample, 0) * s.dim, end, s.dim, s.dim);
    TileSum<T> sum;
    add_products(block, memory, sum, begin, end, [&](int k) {
      fill_weights(block, memory, {sample, j0, k, end});
      fill_straight<kTileColumns>(block, of_x, k, column0, memory.b(0), Shared::kBRow);
    });
    finish_products(block, memory, sum);
    for_each_element(block, [&](int row, int column) {
      if (j0 + row >= s.m() || column0 + column >= s.dim) return;
      const int64_t to = s.slot(sample, j0 + row) * s.dim + column0 + column;
      if (partial != nullptr) {
        partial[split * s.slot(s.batch, 0) * s.dim + to] = memory.c(row)[column];
      } else {
        mixed[to] = static_cast<T>(memory.c(row)[column]);
      }
    });
  }

 private:
  struct Place {
    int sample, j0, position, end;
  };

  /// The weights of kDepth rows in kTileRows slots: a thread's are all one slot's.
  template <class Block>
  VQA_HOST_DEVICE void fill_weights(const Block& block, Shared& memory, const Place& at) const {
    static_assert(kThreads % kTileRows == 0);
    const int column = block.thread() % kTileRows, j = at.j0 + column;
    if (j >= s.m()) {
      for (int k = block.thread() / kTileRows; k < kDepth; k += kThreads / kTileRows) memory.a(k)[column] = T(0.0F);
      return;
    }
    const SlotScores<T> slot(s, at.sample, j, projected, queries, softmaxes);
    for (int k = block.thread() / kTileRows; k < kDepth; k += kThreads / kTileRows) {
      const int position = at.position + k;
      float weight = position < at.end ? slot.weight(position) : 0.0F;
      if (mask.drops()) weight *= mask.factor(s.mask_index(at.sample, position, j));
      memory.a(k)[column] = static_cast<T>(weight);
    }
  }
};

}  // namespace fusion::cuda
