#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fusion/compress_by_heads.h"
#include "fusion/compress_passes.h"
#include "fusion/compress_results.h"
#include "fusion/slot_kernels.h"
#include "fusion/stored_rows.h"

namespace fusion {
namespace {

using torch::Tensor;

template <class T>
void scale_rows(T* matrix, const T* factors, int64_t rows, int64_t columns) {
  for (int64_t j = 0; j < rows; ++j) {
    T* row = matrix + j * columns;
    if (factors[j] != T(1)) scale(row, factors[j], columns, row);
  }
}

/// Threads share out the rows, a block of them at a time.
template <class T>
class ByRows {
 public:
  ByRows(const CompressGiven& given, const Tensor& lengths, const DropoutMask& mask, const CompressResults<T>& results)
      : s_(given),
        given_(given),
        x_(given.x),
        parts_(share_out_rows(lengths, s_.batch, s_.n)),
        mask_(mask),
        to_(results) {}

  void run() {
    sums_ = torch::empty({parts_.count(), 3, s_.m()}, given_.weight.options());
    const bool shared = parts_.splits;  // a sample's parts are summed up afterwards
    if (shared) partial_ = PartSums<T>(to_.mixed(), parts_);
    at::parallel_for(0, parts_.count(), 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const auto scratch = room_for<T>((s_.keys() + parts_.block_rows + 1) * s_.m() + x_.room(parts_.block_rows));
      const auto sum = room_for<T>(shared ? 0 : s_.m() * s_.dim);
      for (int64_t i = begin; i < end; ++i) {
        take(i, shared ? partial_.of(i) : sum.get(), scratch.get());
        const int64_t sample = parts_.parts[static_cast<size_t>(i)].sample;
        if (shared) continue;
        for (int64_t j = 0; j < s_.m(); ++j) combine(sample, j, [&](int64_t) { return sum.get(); });
      }
    });
    at::parallel_for(0, s_.batch * s_.m(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t b = row / s_.m(), first = parts_.first[static_cast<size_t>(b)];
        if (first == parts_.first[static_cast<size_t>(b) + 1])
          to_.clear(b, row % s_.m());
        else if (shared)
          combine(b, row % s_.m(), [&](int64_t i) { return partial_.of(i); });
      }
    });
  }

 private:
  RunningSoftmax<T> softmax(int64_t i) const {
    T* sums = data_of<T>(sums_) + i * 3 * s_.m();
    return {sums, sums + s_.m(), sums + 2 * s_.m()};
  }

  /// W X of a part before its division by the softmax's totals -> `sum_data` (m, D).
  void take(int64_t i, T* sum_data, T* scratch) {
    const RowPart& part = parts_.parts[static_cast<size_t>(i)];
    const RunningSoftmax<T> running = softmax(i);
    running.clear(s_.m());
    T* spread = scratch;
    T* factors = spread + s_.keys() * s_.m();
    T* scores = factors + s_.m();
    T* room = scores + parts_.block_rows * s_.m();
    spread_queries(data_of<T>(given_.queries) + part.sample * s_.m() * s_.r, s_, spread);
    const Matrix<T> weight = rows_of<T>(given_.weight, 0, s_.keys(), s_.dim),
                    beside = rows_of<T>(given_.beside, 0, s_.beside, s_.dim), sum{sum_data, s_.m(), s_.dim};
    for_each_block(part, [&](int64_t begin, int64_t end) {
      const int64_t rows = end - begin;
      const Matrix<T> x = x_.read(begin, end, room), key = to_.keys(begin, end);
      const Matrix<T> w{scores, rows, s_.m()};
      multiply(x, weight.t(), key);
      if (s_.beside > 0) multiply(x, beside.t(), to_.projected(begin, end));
      multiply(key, Matrix<T>{spread, s_.keys(), s_.m()}, w);
      add_block(scores, rows, s_.m(), running, {mask_, static_cast<uint32_t>(begin * s_.m()), s_.m()}, factors);
      if (begin == part.begin) return multiply(w.t(), x, sum);
      scale_rows(sum.data, factors, s_.m(), s_.dim);
      multiply_add(w.t(), x, sum);
    });
  }

  /// The sums of sample b's parts in column j into one; `sum_of` (part) is (m, D).
  template <class SumOf>
  void combine(int64_t b, int64_t j, const SumOf& sum_of) {
    const int64_t first = parts_.first[static_cast<size_t>(b)], last = parts_.first[static_cast<size_t>(b) + 1];
    T* to = to_.mixed_row(b, j);
    T greatest = std::numeric_limits<T>::lowest(), total = 0, kept = 0;
    for (int64_t i = first; i < last; ++i) greatest = std::max(greatest, softmax(i).most[j]);
    for (int64_t i = first; i < last; ++i) {
      const T factor = std::exp(softmax(i).most[j] - greatest);
      total += factor * softmax(i).total[j];
      kept += factor * softmax(i).kept[j];
    }
    for (int64_t i = first; i < last; ++i) {
      const T factor = std::exp(softmax(i).most[j] - greatest) / total;
      const T* from = sum_of(i) + j * s_.dim;
      i == first ? scale(from, factor, s_.dim, to) : add_scaled(from, factor, s_.dim, to);
    }
    to_.set_softmax(b, j, greatest, total, kept);
  }

  CompressShape s_;
  const CompressGiven& given_;
  StoredRows<T> x_;
  RowParts parts_;
  DropoutMask mask_;
  const CompressResults<T>& to_;
  Tensor sums_;          // of each part, (3, m) as RunningSoftmax names them
  PartSums<T> partial_;  // where a sample has several parts
};

}  // namespace

CompressForward compress_forward(const CompressGiven& given, const Tensor& lengths, const DropoutMask& mask) {
  const CompressShape shape(given);
  CompressForward to;
  AT_DISPATCH_FLOATING_TYPES(given.weight.scalar_type(), "compress_rows", [&] {
    const CompressResults<scalar_t> results(shape, given.weight.options(), lengths.defined());
    if (is_one_block(shape.n)) {
      require_real_rows(lengths, shape.n);
      CompressByHeads<scalar_t>(given, lengths, mask, results).run();
    } else {
      ByRows<scalar_t>(given, lengths, mask, results).run();
    }
    to = results.all();
  });
  return to;
}

}  // namespace fusion
