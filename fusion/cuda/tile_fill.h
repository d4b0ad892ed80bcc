// What lies in memory -> the tiles of fusion/cuda/tile_product.h.
#pragma once

#include "fusion/cuda/tile_product.h"

namespace fusion::cuda {

/// work(i) for every i below `count`, shared out among the block's threads: a thread's are kThreads apart.
template <class Block, class Work>
VQA_HOST_DEVICE void share_out(const Block& block, int count, const Work& work) {
  for (int i = block.thread(); i < count; i += kThreads) work(i);
}

/// work(row, column) for every element of a tile of C; a thread's are all in one column, neighbours side by side.
template <class Block, class Work>
VQA_HOST_DEVICE void for_each_element(const Block& block, const Work& work) {
  share_out(block, kTileRows * kTileColumns, [&](int item) { work(item / kTileColumns, item % kTileColumns); });
}

/// A matrix in memory, read in fours where `fours` says that every row begins at a multiple of them.
template <class T>
struct Source {
  const T* data = nullptr;
  int rows = 0, columns = 0;
  int64_t row = 0;  // numbers from one row to the next
  bool fours = false;

  VQA_HOST_DEVICE static Source of(const T* data, int rows, int columns, int64_t row) {
    const auto address = reinterpret_cast<uintptr_t>(data);
    return {data, rows, columns, row, address % (4 * sizeof(T)) == 0 && row % 4 == 0};
  }
};

/// Elements (i, j .. j + 3) of a matrix, zeros where there are none.
template <class T>
VQA_HOST_DEVICE Four<T> read_four(const Source<T>& from, int i, int j) {
  const T* at = from.data + i * from.row + j;
  if (i < from.rows && from.fours && j + 4 <= from.columns) return *reinterpret_cast<const Four<T>*>(at);
  Four<T> four;
  VQA_UNROLL
  for (int c = 0; c < 4; ++c) four.x[c] = i < from.rows && j + c < from.columns ? at[c] : T(0.0F);
  return four;
}

/// kDepth rows of kWidth from element (i, j) on -> `to`, rows `to_row` apart.
template <int kWidth, class T, class Block>
VQA_HOST_DEVICE void fill_straight(const Block& block, const Source<T>& from, int i, int j, T* to, int to_row) {
  constexpr int kFours = kWidth / 4;
  share_out(block, kDepth * kFours, [&](int item) {
    const int k = item / kFours, column = item % kFours * 4;
    *reinterpret_cast<Four<T>*>(to + k * to_row + column) = read_four(from, i + k, j + column);
  });
}

/// kWidth rows of kDepth from element (i, j) on, turned. A warp takes 8 rows of 4 fours, so that it reads whole sectors
/// and its stores fall into few banks twice.
template <int kWidth, class T, class Block>
VQA_HOST_DEVICE void fill_turned(const Block& block, const Source<T>& from, int i, int j, T* to, int to_row) {
  share_out(block, kWidth * kDepth / 4, [&](int item) {
    const int group = item / kWarp, lane = item % kWarp;
    const int row = group / 2 * 8 + lane % 8, k = (group % 2 * 4 + lane / 8) * 4;
    const Four<T> four = read_four(from, i + row, j + k);
    VQA_UNROLL
    for (int c = 0; c < 4; ++c) to[(k + c) * to_row + row] = four.x[c];
  });
}

}  // namespace fusion::cuda
