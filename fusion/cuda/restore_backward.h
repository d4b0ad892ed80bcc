// What a block of threads does in restore_rows's backward pass. W' is made again.
#pragma once

#include "fusion/cuda/restore_forward.h"
#include "fusion/cuda/tile_fill.h"

namespace fusion::cuda {

/// The gradient of the logits: tiles of rows by slots of whole heads.
template <class T>
struct LogitsBackward {
  using Shared = TileMemory<T>;

  RestoreInput<T> in;
  const T* of_out;  // (B, n, D)
  T* of_projected;  // (B, n, p); its last m columns are written, at padding nothing
  float* of_bias;   // (B, tiles of rows, m)

  int64_t blocks() const {
    const RowShape& s = in.s;
    return static_cast<int64_t>(s.batch) * tiles(s.n, kTileRows) * tiles(s.m(), s.whole_heads());
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    const RowShape& s = in.s;
    GridIndex index(block.index());
    const int width = s.whole_heads(), j0 = index.next(tiles(s.m(), width)) * width;
    const int row0 = index.next(tiles(s.n, kTileRows)) * kTileRows, sample = index.next(s.batch);
    const Place at{sample, row0, j0, j0 + width < s.m() ? width : s.m() - j0};
    const int rows = s.rows(sample);
    const auto gradient = Source<T>::of(of_out + s.row(sample, 0) * s.dim, rows, s.dim, s.dim);
    const Source<T> slots = in.slots_of(sample);
    TileSum<T> sum;
    add_products(block, memory, sum, 0, row0 < rows ? s.dim : 0, [&](int k) {
      fill_turned<kTileRows>(block, gradient, row0, k, memory.a(0), Shared::kARow);
      fill_turned<kTileColumns>(block, slots, j0, k, memory.b(0), Shared::kBRow);
    });
    finish_products(block, memory, sum);
    to_logits(block, memory, at);
    block.sync();
    for_each_written(block, memory, at);
    const int64_t part = static_cast<int64_t>(sample) * tiles(s.n, kTileRows) + row0 / kTileRows;
    share_out(block, at.width, [&](int column) {
      float total = 0;
      for (int row = 0; row < kTileRows && row0 + row < rows; ++row) total += memory.c(row)[column];
      of_bias[part * s.m() + j0 + column] = total;
    });
  }

 private:
  struct Place {
    int sample, row0, j0, width;
  };

  /// Gradients of weights after dropout -> of logits, in place.
  template <class Block>
  VQA_HOST_DEVICE void to_logits(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = in.s;
    const int rows = s.rows(at.sample);
    share_out(block, kTileRows * (at.width / s.d_p), [&](int item) {
      const int row = item % kTileRows, first = item / kTileRows * s.d_p, position = at.row0 + row;
      if (position >= rows) return;
      const HeadSoftmax<T> weights = in.softmax(at.sample, position, (at.j0 + first) / s.d_p);
      float* g = memory.c(row) + first;
      float mean = 0;
      for (int slot = 0; slot < s.d_p; ++slot) {
        g[slot] *= in.factor(at.sample, position, at.j0 + first + slot);
        mean += weights.weight(slot) * g[slot];
      }
      for (int slot = 0; slot < s.d_p; ++slot) g[slot] = weights.weight(slot) * (g[slot] - mean);
    });
  }

  template <class Block>
  VQA_HOST_DEVICE void for_each_written(const Block& block, Shared& memory, const Place& at) const {
    const int rows = in.s.rows(at.sample);
    for_each_element(block, [&](int row, int column) {
      if (at.row0 + row >= rows || column >= at.width) return;
      of_projected[in.logits(at.sample, at.row0 + row) + at.j0 + column] = static_cast<T>(memory.c(row)[column]);
    });
  }
};

/// The gradients of slots, W'^T of_out, and of out_bias; the rows of a long sequence in `splits` parts.
template <class T>
struct SlotsBackward {
  using Shared = TileMemory<T>;

  RestoreInput<T> in;
  const T* of_out;  // (B, n, D)
  int splits;
  float* of_slots;     // (splits, B, m, D)
  float* of_out_bias;  // (splits, B, D)

  int64_t blocks() const { return splits * in.s.batch * tiles_of(in.s); }
  static int64_t tiles_of(const RowShape& s) {
    return static_cast<int64_t>(tiles(s.m(), kTileRows)) * tiles(s.dim, kTileColumns);
  }

  template <class Block>
  VQA_HOST_DEVICE void operator()(const Block& block, Shared& memory) const {
    const RowShape& s = in.s;
    GridIndex index(block.index());
    const int column0 = index.next(tiles(s.dim, kTileColumns)) * kTileColumns;
    const int j0 = index.next(tiles(s.m(), kTileRows)) * kTileRows;
    const int sample = index.next(s.batch), split = index.next(splits), thread = block.thread();
    const int rows = s.rows(sample), share = tiles(rows, splits);
    const int begin = split * share, end = begin + share < rows ? begin + share : rows;
    const auto gradient = Source<T>::of(of_out + s.row(sample, 0) * s.dim, end, s.dim, s.dim);
    const bool sums_bias = j0 == 0 && thread < kTileColumns && column0 + thread < s.dim;
    TileSum<T> sum;
    float bias = 0;
    const auto add_bias = [&] {
      for (int k = 0; sums_bias && k < kDepth; ++k) bias += static_cast<float>(memory.b(k)[thread]);
    };
    const auto fill = [&](int k) {
      fill_weights(block, memory, {sample, j0, k, end});
      fill_straight<kTileColumns>(block, gradient, k, column0, memory.b(0), Shared::kBRow);
    };
    add_products(block, memory, sum, begin, end, fill, add_bias);
    finish_products(block, memory, sum);
    const int64_t part = static_cast<int64_t>(split) * s.batch + sample;
    if (sums_bias) of_out_bias[part * s.dim + column0 + thread] = bias;
    for_each_element(block, [&](int row, int column) {
      if (j0 + row >= s.m() || column0 + column >= s.dim) return;
      of_slots[(part * s.m() + j0 + row) * s.dim + column0 + column] = memory.c(row)[column];
    });
  }

 private:
  struct Place {
    int sample, j0, position, end;
  };

  /// The weights of kDepth rows in kTileRows slots.
  template <class Block>
  VQA_HOST_DEVICE void fill_weights(const Block& block, Shared& memory, const Place& at) const {
    const RowShape& s = in.s;
    const int end = at.j0 + kTileRows < s.m() ? at.j0 + kTileRows : s.m();
    const int first = at.j0 / s.d_p, heads = (end - 1) / s.d_p - first + 1;
    share_out(block, kDepth * heads, [&](int item) {
      const int k = item % kDepth, head = first + item / kDepth, position = at.position + k;
      if (position < at.end) {
        in.weigh(at.sample, position, head, at.j0, end, [&](int j, T weight) { memory.a(k)[j - at.j0] = weight; });
      } else {
        for (int j = head * s.d_p; j < (head + 1) * s.d_p; ++j)
          if (j >= at.j0 && j < end) memory.a(k)[j - at.j0] = T(0.0F);
      }
    });
    const int rest = at.j0 + kTileRows - end;  // columns past the slots
    share_out(block, kDepth * rest, [&](int item) { memory.a(item / rest)[end - at.j0 + item % rest] = T(0.0F); });
  }
};

}  // namespace fusion::cuda
