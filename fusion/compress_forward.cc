#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fusion/compress_passes.h"
#include "fusion/slot_kernels.h"

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

/// What the forward pass makes, and where it writes each.
template <class T>
class Results {
 public:
  Results(const CompressShape& shape, const torch::TensorOptions& options, bool padded) : s_(shape) {
    mixed_ = torch::empty({s_.heads, s_.batch, s_.d_p, s_.dim}, options);
    row_sums_ = torch::empty({s_.batch, s_.heads, s_.d_p, 1}, options);
    most_ = torch::empty({s_.batch, s_.m()}, options);
    inverse_ = torch::empty({s_.batch, s_.m()}, options);
    keys_ = torch::empty({s_.batch, s_.n, s_.keys()}, options);
    projected_ = padded ? torch::zeros({s_.batch, s_.n, s_.beside}, options)
                        : torch::empty({s_.batch, s_.n, s_.beside}, options);
  }

  /// W X of sample b in column j, (D).
  T* mixed_row(int64_t b, int64_t j) const { return data_of<T>(mixed_) + s_.slot_at(b, j); }

  /// Of rows of (B n, h r) and of (B n, p).
  Matrix<T> keys(int64_t begin, int64_t end) const { return rows_of<T>(keys_, begin, end, s_.keys()); }
  Matrix<T> projected(int64_t begin, int64_t end) const { return rows_of<T>(projected_, begin, end, s_.beside); }

  /// The softmax of sample b in column j: its greatest score, sum of exp(score - most), and that after dropout.
  void set_softmax(int64_t b, int64_t j, T most, T total, T kept) const {
    const int64_t slot = b * s_.m() + j;
    data_of<T>(most_)[slot] = most;
    data_of<T>(inverse_)[slot] = total == 0 ? 0 : 1 / total;
    data_of<T>(row_sums_)[slot] = total == 0 ? 0 : kept / total;
  }

  /// What a sample without rows gives.
  void clear(int64_t b, int64_t j) const {
    std::fill_n(mixed_row(b, j), s_.dim, T(0));
    set_softmax(b, j, 0, 0, 0);
  }

  const Tensor& slots() const { return mixed_; }

  CompressForward all() const {
    const Tensor mixed = mixed_.transpose(0, 1);  // (B, h, d_p, D)
    return {{mixed, row_sums_, projected_}, {keys_, most_, inverse_, mixed, row_sums_}};
  }

 private:
  CompressShape s_;
  Tensor mixed_;  // (h, B, d_p, D)
  Tensor row_sums_, projected_;
  Tensor keys_, most_, inverse_;  // see CompressKept
};

/// Sequences of one block each: a thread has some heads of all rows, and there is nothing to be summed up.
template <class T>
class ByHeads {
 public:
  ByHeads(const CompressGiven& given, const Tensor& lengths, const DropoutMask& mask, const Results<T>& results)
      : s_(given), given_(given), lengths_(lengths), mask_(mask), to_(results) {}

  void run() const {
    at::parallel_for(0, s_.batch * s_.heads, 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const int64_t heads = std::min(end - begin, s_.heads), m = heads * s_.d_p;
      const auto room = room_for<T>((heads * s_.r + s_.n + 3 + 1 + s_.dim) * m);
      while (begin < end) {
        const int64_t sample = begin / s_.heads, first = begin % s_.heads;
        const int64_t count = std::min(s_.heads - first, end - begin);
        take(sample, first, count, room.get());
        begin += count;
      }
    });
  }

 private:
  void take(int64_t b, int64_t first, int64_t heads, T* room) const {
    const int64_t rows = real_rows(lengths_, b, s_.n);
    const int64_t j0 = first * s_.d_p, m = heads * s_.d_p, keys = heads * s_.r;
    if (rows == 0) {
      for (int64_t j = j0; j < j0 + m; ++j) to_.clear(b, j);
      return;
    }
    const int64_t begin = b * s_.n;
    CompressShape part = s_;
    part.heads = heads;
    T *spread = room, *scores = spread + keys * m, *sums = scores + rows * m, *factors = sums + 3 * m;
    const Matrix<T> x = rows_of<T>(given_.x, begin, begin + rows, s_.dim), w{scores, rows, m};
    const Matrix<T> key = to_.keys(begin, begin + rows).some_columns(first * s_.r, keys);
    spread_queries(data_of<T>(given_.queries) + (b * s_.m() + j0) * s_.r, part, spread);
    multiply(x, rows_of<T>(given_.weight, first * s_.r, first * s_.r + keys, s_.dim).t(), key);
    const int64_t p0 = s_.beside * first / s_.heads, p1 = s_.beside * (first + heads) / s_.heads;
    if (p1 > p0)
      multiply(x, rows_of<T>(given_.beside, p0, p1, s_.dim).t(),
               to_.projected(begin, begin + rows).some_columns(p0, p1 - p0));
    multiply(key, Matrix<T>{spread, keys, m}, w);
    const RunningSoftmax<T> softmax{sums, sums + m, sums + 2 * m};
    std::fill_n(softmax.most, m, std::numeric_limits<T>::lowest());
    std::fill_n(softmax.total, 2 * m, T(0));
    add_block(scores, rows, m, softmax, {mask_, static_cast<uint32_t>(begin * s_.m() + j0), s_.m()}, factors);
    for (int64_t j = 0; j < m; ++j) to_.set_softmax(b, j0 + j, softmax.most[j], softmax.total[j], softmax.kept[j]);
    const Matrix<T> sum{s_.batch == 1 ? to_.mixed_row(0, j0) : factors + m, m, s_.dim};
    multiply(w.t(), x, sum);
    for (int64_t j = 0; j < m; ++j)
      scale(sum.data + j * s_.dim, 1 / softmax.total[j], s_.dim, to_.mixed_row(b, j0 + j));
  }

  CompressShape s_;
  const CompressGiven& given_;
  const Tensor& lengths_;
  DropoutMask mask_;
  const Results<T>& to_;
};

/// Long sequences: threads share out the rows, a block of them at a time.
template <class T>
class ByRows {
 public:
  ByRows(const CompressGiven& given, const Tensor& lengths, const DropoutMask& mask, const Results<T>& results)
      : s_(given), given_(given), parts_(share_out_rows(lengths, s_.batch, s_.n)), mask_(mask), to_(results) {}

  void run() {
    sums_ = torch::empty({parts_.count(), 3, s_.m()}, given_.x.options());
    const bool shared = parts_.splits;  // a sample's parts are summed up afterwards
    if (shared) partial_ = PartSums<T>(to_.slots(), parts_);
    at::parallel_for(0, parts_.count(), 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const auto scratch = room_for<T>((s_.keys() + parts_.block_rows + 1) * s_.m());
      const auto sum = room_for<T>(shared ? 0 : s_.m() * s_.dim);
      for (int64_t i = begin; i < end; ++i) {
        take(i, shared ? partial_.of(i) : sum.get(), scratch.get());
        const int64_t sample = parts_.parts[static_cast<size_t>(i)].sample;
        for (int64_t j = 0; !shared && j < s_.m(); ++j) combine(sample, j, [&](int64_t) { return sum.get(); });
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
    std::fill(running.most, running.most + s_.m(), std::numeric_limits<T>::lowest());
    std::fill(running.total, running.total + 2 * s_.m(), T(0));
    T* spread = scratch;
    T* factors = spread + s_.keys() * s_.m();
    T* scores = factors + s_.m();
    spread_queries(data_of<T>(given_.queries) + part.sample * s_.m() * s_.r, s_, spread);
    const Matrix<T> weight = rows_of<T>(given_.weight, 0, s_.keys(), s_.dim),
                    beside = rows_of<T>(given_.beside, 0, s_.beside, s_.dim), sum{sum_data, s_.m(), s_.dim};
    for_each_block(part, [&](int64_t begin, int64_t end) {
      const int64_t rows = end - begin;
      const Matrix<T> x = rows_of<T>(given_.x, begin, end, s_.dim), key = to_.keys(begin, end);
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
  RowParts parts_;
  DropoutMask mask_;
  const Results<T>& to_;
  Tensor sums_;          // of each part, (3, m) as RunningSoftmax names them
  PartSums<T> partial_;  // where a sample has several parts
};

}  // namespace

CompressForward compress_forward(const CompressGiven& given, const Tensor& lengths, const DropoutMask& mask) {
  const CompressShape shape(given);
  CompressForward to;
  AT_DISPATCH_FLOATING_TYPES(given.x.scalar_type(), "compress_rows", [&] {
    const Results<scalar_t> results(shape, given.x.options(), lengths.defined());
    if (shape.n <= kBlockRows) {
      ByHeads<scalar_t>(given, lengths, mask, results).run();
    } else {
      ByRows<scalar_t>(given, lengths, mask, results).run();
    }
    to = results.all();
  });
  return to;
}

}  // namespace fusion
