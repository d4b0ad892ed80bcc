// compress_forward on a CPU for sequences of one block each.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>

#include "fusion/compress_passes.h"
#include "fusion/compress_results.h"
#include "fusion/slot_kernels.h"
#include "fusion/stored_rows.h"

namespace fusion {

/// Threads share out the heads, each of all rows: there is nothing to be summed up, and most of what a thread wrote is
/// what it reads next.
template <class T>
class CompressByHeads {
 public:
  CompressByHeads(const CompressGiven& given, const torch::Tensor& lengths, const DropoutMask& mask,
                  const CompressResults<T>& results)
      : s_(given), given_(given), x_(given.x), lengths_(lengths), mask_(mask), to_(results) {}

  void run() const {
    at::parallel_for(0, s_.batch * s_.heads, 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const int64_t heads = std::min(end - begin, s_.heads), m = heads * s_.d_p;
      // Widened rows, spread queries, weights, sums of the softmax, factors, W X: see take.
      const auto room = room_for<T>(x_.room(s_.n) + (heads * s_.r + s_.n + 3 + 1 + s_.dim) * m);
      while (begin < end) {
        const int64_t sample = begin / s_.heads, first = begin % s_.heads;
        const int64_t count = std::min(s_.heads - first, end - begin);
        take(sample, first, count, room.get());
        begin += count;
      }
    });
  }

 private:
  /// Some heads of sample b: columns `first_column` to `first_column + m` of its scores.
  void take(int64_t b, int64_t first, int64_t heads, T* room) const {
    const int64_t begin = b * s_.n, end = begin + real_rows(lengths_, b, s_.n);
    const int64_t first_column = first * s_.d_p, m = heads * s_.d_p;
    if (begin == end) {
      for (int64_t j = first_column; j < first_column + m; ++j) to_.clear(b, j);
      return;
    }
    CompressShape part = s_;
    part.heads = heads;
    const Matrix<T> x = x_.read(begin, end, room);
    const Matrix<T> spread{room + x_.room(x.rows), part.keys(), m}, w{spread.data + part.keys() * m, x.rows, m};
    T* sums = w.data + w.rows * m;
    const RunningSoftmax<T> softmax{sums, sums + m, sums + 2 * m};
    T* factors = sums + 3 * m;  // of earlier blocks, which there are none of
    spread_queries(data_of<T>(given_.queries) + (b * s_.m() + first_column) * s_.r, part, spread.data);
    const int64_t first_key = first * s_.r, end_key = first_key + part.keys();
    const Matrix<T> key = to_.keys(begin, end).some_columns(first_key, part.keys());
    multiply(x, rows_of<T>(given_.weight, first_key, end_key, s_.dim).t(), key);
    const int64_t first_beside = s_.beside * first / s_.heads, end_beside = s_.beside * (first + heads) / s_.heads;
    if (first_beside < end_beside)
      multiply(x, rows_of<T>(given_.beside, first_beside, end_beside, s_.dim).t(),
               to_.projected(begin, end).some_columns(first_beside, end_beside - first_beside));
    multiply(key, spread, w);
    softmax.clear(m);
    const auto first_element = static_cast<uint32_t>(begin * s_.m() + first_column);
    add_block(w.data, w.rows, m, softmax, {mask_, first_element, s_.m()}, factors);
    const Matrix<T> mixed{s_.batch == 1 ? to_.mixed_row(0, first_column) : factors + m, m, s_.dim};
    multiply(w.t(), x, mixed);
    for (int64_t j = 0; j < m; ++j) {
      to_.set_softmax(b, first_column + j, softmax.most[j], softmax.total[j], softmax.kept[j]);
      scale(mixed.data + j * s_.dim, 1 / softmax.total[j], s_.dim, to_.mixed_row(b, first_column + j));
    }
  }

  CompressShape s_;
  const CompressGiven& given_;
  StoredRows<T> x_;
  const torch::Tensor& lengths_;
  DropoutMask mask_;
  const CompressResults<T>& to_;
};

}  // namespace fusion
