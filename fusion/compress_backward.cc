#include <ATen/Parallel.h>

#include <algorithm>

#include "fusion/compress_passes.h"
#include "fusion/slot_kernels.h"
#include "fusion/stored_rows.h"

namespace fusion {
namespace {

using torch::Tensor;

/// The blocks of a gradient (m, h r) that queries have, added to `queries` (h, d_p, r).
template <class T>
void gather_queries(const T* matrix, const CompressShape& s, T* queries) {
  for (int64_t i = 0; i < s.heads; ++i) {
    for (int64_t slot = 0; slot < s.d_p; ++slot) {
      for (int64_t c = 0; c < s.r; ++c) *queries++ += matrix[(i * s.d_p + slot) * s.keys() + i * s.r + c];
    }
  }
}

template <class T>
class Backward {
 public:
  Backward(const CompressGiven& given, const CompressKept& kept, const CompressedGradients& of, const RowParts& parts,
           const DropoutMask& mask)
      : of_x(torch::empty_like(given.x)),
        s_(given),
        given_(given),
        x_(given.x),
        of_rows_(of_x),
        kept_(kept),
        of_(of),
        parts_(parts),
        mask_(mask) {
    const auto options = given.weight.options();
    of_queries = torch::zeros_like(given.queries);
    of_weights = torch::empty({s_.keys() + s_.beside, s_.dim}, options);
    weight_sums_.resize(static_cast<size_t>(at::get_num_threads()));
    mean_ = torch::empty({s_.batch, s_.m()}, options);
    query_sums_ = torch::empty({parts.count(), s_.m(), s_.keys()}, options);
  }

  void run() {
    at::parallel_for(0, s_.batch * s_.m(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) fill_mean(row / s_.m(), row % s_.m());
    });
    at::parallel_for(0, parts_.count(), 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const auto memory = room_for<T>(numbers_of_room());
      for (int64_t i = begin; i < end; ++i) take(i, room_in(memory.get()));
    });
    T* sum = data_of<T>(of_weights);
    if (!weight_sums_[0].begun) std::fill_n(sum, of_weights.numel(), T(0));
    std::vector<const T*> others;
    for (size_t thread = 1; thread < weight_sums_.size(); ++thread) {
      if (weight_sums_[thread].begun) others.push_back(weight_sums_[thread].room.get());
    }
    add_up(others, of_weights.numel(), sum);
    for (int64_t i = 0; i < parts_.count(); ++i) {
      const int64_t sample = parts_.parts[static_cast<size_t>(i)].sample;
      gather_queries(data_of<T>(query_sums_) + i * s_.m() * s_.keys(), s_,
                     data_of<T>(of_queries) + sample * s_.m() * s_.r);
    }
  }

  Tensor of_x, of_queries;
  Tensor of_weights;  // (h r + p, D), that of `beside` below that of `weight`

 private:
  /// What a thread has of of_weights: the first thread in of_weights itself.
  struct WeightSum {
    bool begun = false;
    std::unique_ptr<T[]> room;
  };

  /// mean_ by what forward gave: a slot times its gradient, and its row sum times that one's.
  void fill_mean(int64_t b, int64_t j) {
    const int64_t at = s_.slot_at(b, j), slot = b * s_.m() + j;
    data_of<T>(mean_)[slot] = dot(data_of<T>(kept_.mixed) + at, data_of<T>(of_.mixed) + at, s_.dim) +
                              data_of<T>(kept_.row_sums)[slot] * data_of<T>(of_.row_sums)[slot];
  }

  /// Memory of a thread; rows are those of a block.
  struct Room {
    T* spread;    // (h r, m), see spread_queries
    T* scores;    // (rows, m), and their gradient
    T* gradient;  // (rows, m)
    T* of_keys;   // (rows, h r)
    T *x, *of_x;  // see StoredRows
    T* of_mixed;  // see SampleSlots
  };

  int64_t numbers_of_room() const {
    const int64_t rows = parts_.block_rows;
    return (s_.keys() + 2 * rows) * s_.m() + rows * s_.keys() + 2 * x_.room(rows) + SampleSlots<T>(of_.mixed, 0).room();
  }

  Room room_in(T* memory) const {
    const int64_t rows = parts_.block_rows;
    Room room;
    room.spread = memory;
    room.scores = room.spread + s_.keys() * s_.m();
    room.gradient = room.scores + rows * s_.m();
    room.of_keys = room.gradient + rows * s_.m();
    room.x = room.of_keys + rows * s_.keys();
    room.of_x = room.x + x_.room(rows);
    room.of_mixed = room.of_x + x_.room(rows);
    return room;
  }

  void take(int64_t i, const Room& room) {
    const RowPart& part = parts_.parts[static_cast<size_t>(i)];
    const int64_t b = part.sample, m = s_.m(), keys = s_.keys();
    spread_queries(data_of<T>(given_.queries) + b * m * s_.r, s_, room.spread);
    const Matrix<T> spread{room.spread, keys, m};
    const Matrix<T> of_mixed = SampleSlots<T>(of_.mixed, b).gather(room.of_mixed);
    const Matrix<T> weight = rows_of<T>(given_.weight, 0, keys, s_.dim),
                    beside = rows_of<T>(given_.beside, 0, s_.beside, s_.dim);
    const int thread = at::get_thread_num();
    WeightSum& mine = weight_sums_[static_cast<size_t>(thread)];
    if (thread > 0 && !mine.begun) mine.room = room_for<T>(of_weights.numel());
    const Matrix<T> sum_weight{thread > 0 ? mine.room.get() : data_of<T>(of_weights), keys, s_.dim};
    const Matrix<T> sum_beside{sum_weight.data + keys * s_.dim, s_.beside, s_.dim};
    const Matrix<T> sum_queries{data_of<T>(query_sums_) + i * m * keys, m, keys};
    const PositionsGradient<T> from{data_of<T>(kept_.most) + b * m, data_of<T>(kept_.inverse) + b * m,
                                    data_of<T>(of_.row_sums) + b * m, data_of<T>(mean_) + b * m};
    for_each_block(part, [&](int64_t begin, int64_t end) {
      const int64_t rows = end - begin;
      const Matrix<T> x = x_.read(begin, end, room.x);
      const Matrix<T> key = rows_of<T>(kept_.keys, begin, end, keys), of_key{room.of_keys, rows, keys};
      const Matrix<T> of_beside = rows_of<T>(of_.projected, begin, end, s_.beside);
      const Matrix<T> w{room.scores, rows, m}, g{room.gradient, rows, m};
      multiply(key, spread, w);
      multiply(x, of_mixed.t(), g);
      positions_backward(w.data, g.data, rows, m, from, {mask_, static_cast<uint32_t>(begin * m), m});
      multiply(g, spread.t(), of_key);
      of_rows_.write(begin, end, room.of_x, [&](const Matrix<T>& to) {
        multiply(w, of_mixed, to);
        multiply_add(of_key, weight, to);
        if (s_.beside > 0) multiply_add(of_beside, beside, to);
      });
      multiply_to(mine.begun, of_key.t(), x, sum_weight);
      multiply_to(begin != part.begin, g.t(), key, sum_queries);
      if (s_.beside > 0) multiply_to(mine.begun, of_beside.t(), x, sum_beside);
      mine.begun = true;
    });
  }

  CompressShape s_;
  const CompressGiven& given_;
  StoredRows<T> x_, of_rows_;
  const CompressKept& kept_;
  const CompressedGradients& of_;
  const RowParts& parts_;
  DropoutMask mask_;
  std::vector<WeightSum> weight_sums_;
  Tensor mean_;        // (B, m), see PositionsGradient
  Tensor query_sums_;  // (parts, m, h r)
};

}  // namespace

CompressGradients compress_backward(const CompressGiven& given, const CompressKept& kept, const CompressedGradients& of,
                                    const Tensor& lengths, const DropoutMask& mask) {
  const RowParts parts = share_out_rows(lengths, given.x.size(0), given.x.size(1));
  CompressGradients gradients;
  AT_DISPATCH_FLOATING_TYPES(given.weight.scalar_type(), "compress_rows", [&] {
    Backward<scalar_t> pass(given, kept, of, parts, mask);
    if (lengths.defined()) pass.of_x.zero_();
    pass.run();
    const auto of_weights = pass.of_weights.split_with_sizes({given.weight.size(0), given.beside.size(0)});
    gradients = {pass.of_x, pass.of_queries, of_weights[0], of_weights[1]};
  });
  return gradients;
}

}  // namespace fusion
