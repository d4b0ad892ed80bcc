// What a block of threads does in restore_rows's forward pass. W' is made in shared memory where a product wants it,
// from `projected` and the bias.
#pragma once

#include "fusion/cuda/rows.h"
#include "fusion/cuda/tile_fill.h"

namespace fusion::cuda {

/// What forward and backward read.
template <class T>
struct RestoreInput {
  RowShape s;  // its r is not used
  DropoutMask mask;
  const T *projected, *bias, *slots;  // (B, n, p), (m), (B, m, D)

  /// Where a row's logits stand: its last m columns.
  VQA_HOST_DEVICE int64_t logits(int sample, int position) const {
    return s.row(sample, position) * s.columns + s.columns - s.m();
  }
  VQA_HOST_DEVICE HeadSoftmax<T> softmax(int sample, int position, int head) const {
    return {projected + logits(sample, position) + head * s.d_p, bias + head * s.d_p, s.d_p};
  }
  VQA_HOST_DEVICE float factor(int sample, int position, int j) const {
    return mask.drops() ? mask.factor(s.mask_index(sample, position, j)) : 1.0F;
  }
  VQA_HOST_DEVICE Source<T> slots_of(int sample) const {
    return Source<T>::of(slots + s.slot(sample, 0) * s.dim, s.m(), s.dim, s.dim);
  }

  /// put(j, weight after dropout) for the head's slots of a row that are among `begin` .. `end` - 1.
  template <class Put>
  VQA_HOST_DEVICE void weigh(int sample, int position, int head, int begin, int end, const Put& put) const {
    const HeadSoftmax<T> weights = softmax(sample, position, head);
    const int first = head * s.d_p;
    for (int j = first > begin ? first : begin; j < first + s.d_p && j < end; ++j)
      put(j, static_cast<T>(weights.weight(j - first) * factor(sample, position, j)));
  }
};

/// out = W' slots + out_bias, tile by tile.
template <class T>
struct RestoreRowsForward {
  using Shared = TileMemory<T>;

  RestoreInput<T> in;
  const T* out_bias;  // (D)
  T* out;             // (B, n, D), zero at padding

  int64_t blocks() const {
    const RowShape& s = in.s;
    return static_cast<int64_t>(s.batch) * tiles(s.n, kTileRows) * tiles(s.dim, kTileColumns);
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    const RowShape& s = in.s;
    GridIndex index(block.index());
    const int column0 = index.next(tiles(s.dim, kTileColumns)) * kTileColumns;
    const int row0 = index.next(tiles(s.n, kTileRows)) * kTileRows, sample = index.next(s.batch);
    const int rows = s.rows(sample);
    const Source<T> slots = in.slots_of(sample);
    TileSum<T> sum;
    add_products(block, memory, sum, 0, row0 < rows ? s.m() : 0, [&](int k) {
      fill_weights(block, memory, {sample, row0, k});
      fill_straight<kTileColumns>(block, slots, k, column0, memory.b(0), Shared::kBRow);
    });
    finish_products(block, memory, sum);
    for_each_element(block, [&](int row, int column) {
      if (row0 + row >= s.n || column0 + column >= s.dim) return;
      const float value = memory.c(row)[column] + static_cast<float>(out_bias[column0 + column]);
      out[s.row(sample, row0 + row) * s.dim + column0 + column] = static_cast<T>(row0 + row < rows ? value : 0.0F);
    });
  }

 private:
  struct Place {
    int sample, row0, j0;
  };

  /// The weights of kTileRows rows in kDepth slots. A thread has one row, and every other of the heads there.
  template <class Block>
  VQA_HOST_DEVICE void fill_weights(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = in.s;
    const int row = block.thread() % kTileRows, position = at.row0 + row;
    const int end = at.j0 + kDepth < s.m() ? at.j0 + kDepth : s.m();
    const int turn = block.thread() / kTileRows;
    constexpr int kTurns = kThreads / kTileRows;
    if (position >= s.rows(at.sample)) {
      for (int k = turn; k < kDepth; k += kTurns) memory.a(k)[row] = T(0.0F);
      return;
    }
    for (int head = at.j0 / s.d_p + turn; head * s.d_p < end; head += kTurns)
      in.weigh(at.sample, position, head, at.j0, end, [&](int j, T weight) { memory.a(j - at.j0)[row] = weight; });
    for (int k = end - at.j0 + turn; k < kDepth; k += kTurns) memory.a(k)[row] = T(0.0F);
  }
};

}  // namespace fusion::cuda
