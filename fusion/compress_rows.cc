#include "fusion/compress_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fusion/cuda/slot_rows_cuda.h"
#include "fusion/dropout.h"
#include "fusion/sequence.h"
#include "fusion/slot_kernels.h"
#include "fusion/slot_matrices.h"

namespace fusion {
namespace {

using torch::Tensor;

/// What forward and backward know of their inputs.
struct Shape {
  int64_t batch, n, dim, heads, d_p, r, beside;

  Shape(const Tensor& x, const Tensor& queries, const Tensor& of_beside)
      : batch(x.size(0)),
        n(x.size(1)),
        dim(x.size(2)),
        heads(queries.size(1)),
        d_p(queries.size(2)),
        r(queries.size(3)),
        beside(of_beside.size(0)) {}

  int64_t m() const { return heads * d_p; }
  int64_t keys() const { return heads * r; }
  /// Where sample b's slot in column j begins within (h, B, d_p, D).
  int64_t slot_at(int64_t b, int64_t j) const { return ((j / d_p * batch + b) * d_p + j % d_p) * dim; }
};

/// One sample's queries (h, d_p, r) -> the matrix (h r, m) that makes scores of keys: head i's block stands at rows i r
/// and columns i d_p, the rest is zero.
template <class T>
void spread_queries(const T* queries, const Shape& s, T* matrix) {
  std::fill(matrix, matrix + s.keys() * s.m(), T(0));
  for (int64_t i = 0; i < s.heads; ++i) {
    for (int64_t slot = 0; slot < s.d_p; ++slot) {
      for (int64_t c = 0; c < s.r; ++c) matrix[(i * s.r + c) * s.m() + i * s.d_p + slot] = *queries++;
    }
  }
}

/// Consecutive rows of (N, columns).
template <class T>
Matrix<T> rows_of(const Tensor& x, int64_t begin, int64_t end, int64_t columns) {
  return {data_of<T>(x) + begin * columns, end - begin, columns};
}

/// The blocks of a gradient (m, h r) that queries have, added to `queries` (h, d_p, r).
template <class T>
void gather_queries(const T* matrix, const Shape& s, T* queries) {
  for (int64_t i = 0; i < s.heads; ++i) {
    for (int64_t slot = 0; slot < s.d_p; ++slot) {
      for (int64_t c = 0; c < s.r; ++c) *queries++ += matrix[(i * s.d_p + slot) * s.keys() + i * s.r + c];
    }
  }
}

template <class T>
void scale_rows(T* matrix, const T* factors, int64_t rows, int64_t columns) {
  for (int64_t j = 0; j < rows; ++j) {
    T* row = matrix + j * columns;
    if (factors[j] != T(1)) scale(row, factors[j], columns, row);
  }
}

/// The tensors that both passes read.
struct Given {
  Tensor x, queries, weight;
  Tensor beside;  // (0, D) where nothing is wanted
};

template <class T>
class Forward {
 public:
  Forward(const Given& given, const RowParts& parts, bool padded, const DropoutMask& mask)
      : s_(given.x, given.queries, given.beside), given_(given), parts_(parts), mask_(mask) {
    const auto options = given.x.options();
    mixed = torch::empty({s_.heads, s_.batch, s_.d_p, s_.dim}, options);
    row_sums = torch::empty({s_.batch, s_.heads, s_.d_p, 1}, options);
    log_sums = torch::empty({s_.batch, s_.m()}, options);
    keys = torch::empty({s_.batch, s_.n, s_.keys()}, options);
    projected = padded ? torch::zeros({s_.batch, s_.n, s_.beside}, options)
                       : torch::empty({s_.batch, s_.n, s_.beside}, options);
  }

  void run() {
    sums_ = torch::empty({parts_.count(), 3, s_.m()}, given_.x.options());
    const bool shared = parts_.splits;  // a sample's parts are summed up afterwards
    if (shared) partial_ = PartSums<T>(mixed, parts_);
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
          clear(b, row % s_.m());
        else if (shared)
          combine(b, row % s_.m(), [&](int64_t i) { return partial_.of(i); });
      }
    });
  }

  Tensor mixed;  // (h, B, d_p, D)
  Tensor row_sums, log_sums, projected;
  Tensor keys;  // (B, n, h r), of rows that are no padding

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
      const Matrix<T> x = rows_of<T>(given_.x, begin, end, s_.dim), key = rows_of<T>(keys, begin, end, s_.keys());
      const Matrix<T> w{scores, rows, s_.m()};
      multiply(x, weight.t(), key);
      if (s_.beside > 0) multiply(x, beside.t(), rows_of<T>(projected, begin, end, s_.beside));
      multiply(key, Matrix<T>{spread, s_.keys(), s_.m()}, w);
      add_block(scores, rows, s_.m(), running, {mask_, static_cast<uint32_t>(begin * s_.m())}, factors);
      if (begin == part.begin) return multiply(w.t(), x, sum);
      scale_rows(sum.data, factors, s_.m(), s_.dim);
      multiply_add(w.t(), x, sum);
    });
  }

  T* mixed_row(int64_t b, int64_t j) const { return data_of<T>(mixed) + s_.slot_at(b, j); }

  /// What a sample without rows gives.
  void clear(int64_t b, int64_t j) {
    std::fill_n(mixed_row(b, j), s_.dim, T(0));
    data_of<T>(row_sums)[b * s_.m() + j] = 0;
    data_of<T>(log_sums)[b * s_.m() + j] = 0;
  }

  /// The sums of sample b's parts in column j into one; `sum_of` (part) is (m, D).
  template <class SumOf>
  void combine(int64_t b, int64_t j, const SumOf& sum_of) {
    const int64_t first = parts_.first[static_cast<size_t>(b)], last = parts_.first[static_cast<size_t>(b) + 1];
    T* to = mixed_row(b, j);
    T most = std::numeric_limits<T>::lowest(), total = 0, kept = 0;
    for (int64_t i = first; i < last; ++i) most = std::max(most, softmax(i).most[j]);
    for (int64_t i = first; i < last; ++i) {
      const T factor = std::exp(softmax(i).most[j] - most);
      total += factor * softmax(i).total[j];
      kept += factor * softmax(i).kept[j];
    }
    for (int64_t i = first; i < last; ++i) {
      const T factor = std::exp(softmax(i).most[j] - most) / total;
      const T* from = sum_of(i) + j * s_.dim;
      i == first ? scale(from, factor, s_.dim, to) : add_scaled(from, factor, s_.dim, to);
    }
    data_of<T>(row_sums)[b * s_.m() + j] = kept / total;
    data_of<T>(log_sums)[b * s_.m() + j] = most + std::log(total);
  }

  Shape s_;
  const Given& given_;
  const RowParts& parts_;
  DropoutMask mask_;
  Tensor sums_;          // of each part, (3, m) as RunningSoftmax names them
  PartSums<T> partial_;  // where a sample has several parts
};

/// What forward leaves for backward, and the gradients of what it gave.
struct Saved {
  Given given;
  Tensor log_sums, mixed, row_sums, keys;
  Tensor of_mixed;  // (h, B, d_p, D)
  Tensor of_row_sums, of_projected;
};

template <class T>
class Backward {
 public:
  Backward(const Saved& saved, const RowParts& parts, bool padded, const DropoutMask& mask)
      : s_(saved.given.x, saved.given.queries, saved.given.beside), saved_(saved), parts_(parts), mask_(mask) {
    const Tensor& x = saved.given.x;
    of_x = padded ? torch::zeros_like(x) : torch::empty_like(x);
    of_queries = torch::zeros_like(saved.given.queries);
    of_weights = torch::empty({s_.keys() + s_.beside, s_.dim}, x.options());
    of_weights_.resize(static_cast<size_t>(at::get_num_threads()));
    mean_ = torch::empty({s_.batch, s_.m()}, x.options());
    of_queries_ = torch::empty({parts.count(), s_.m(), s_.keys()}, x.options());
  }

  void run() {
    at::parallel_for(0, s_.batch * s_.m(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) fill_mean(row / s_.m(), row % s_.m());
    });
    at::parallel_for(0, parts_.count(), 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const int64_t rows = parts_.block_rows, gathered = SampleSlots<T>(saved_.of_mixed, 0).room();
      const auto scratch = room_for<T>((s_.keys() + 2 * rows) * s_.m() + rows * s_.keys() + gathered);
      for (int64_t i = begin; i < end; ++i) take(i, scratch.get());
    });
    T* sum = data_of<T>(of_weights);
    if (!of_weights_[0].begun) std::fill_n(sum, of_weights.numel(), T(0));
    std::vector<const T*> others;
    for (size_t thread = 1; thread < of_weights_.size(); ++thread) {
      if (of_weights_[thread].begun) others.push_back(of_weights_[thread].room.get());
    }
    add_up(others, of_weights.numel(), sum);
    for (int64_t i = 0; i < parts_.count(); ++i) {
      const int64_t sample = parts_.parts[static_cast<size_t>(i)].sample;
      gather_queries(data_of<T>(of_queries_) + i * s_.m() * s_.keys(), s_,
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
    data_of<T>(mean_)[slot] = dot(data_of<T>(saved_.mixed) + at, data_of<T>(saved_.of_mixed) + at, s_.dim) +
                              data_of<T>(saved_.row_sums)[slot] * data_of<T>(saved_.of_row_sums)[slot];
  }

  void take(int64_t i, T* scratch) {
    const RowPart& part = parts_.parts[static_cast<size_t>(i)];
    const int64_t b = part.sample, m = s_.m(), keys = s_.keys();
    T* spread_data = scratch;
    T* scores = spread_data + keys * m;
    T* gradient = scores + parts_.block_rows * m;
    T* of_keys = gradient + parts_.block_rows * m;
    spread_queries(data_of<T>(saved_.given.queries) + b * m * s_.r, s_, spread_data);
    T* room = of_keys + parts_.block_rows * keys;
    const Matrix<T> spread{spread_data, keys, m};
    const Matrix<T> of_mixed = SampleSlots<T>(saved_.of_mixed, b).gather(room);
    const Matrix<T> weight = rows_of<T>(saved_.given.weight, 0, keys, s_.dim),
                    beside = rows_of<T>(saved_.given.beside, 0, s_.beside, s_.dim);
    const int thread = at::get_thread_num();
    WeightSum& mine = of_weights_[static_cast<size_t>(thread)];
    if (thread > 0 && !mine.begun) mine.room = room_for<T>(of_weights.numel());
    const Matrix<T> sum_weight{thread > 0 ? mine.room.get() : data_of<T>(of_weights), keys, s_.dim};
    const Matrix<T> sum_beside{sum_weight.data + keys * s_.dim, s_.beside, s_.dim};
    const Matrix<T> sum_queries{data_of<T>(of_queries_) + i * m * keys, m, keys};
    const PositionsGradient<T> from{data_of<T>(saved_.log_sums) + b * m, data_of<T>(saved_.of_row_sums) + b * m,
                                    data_of<T>(mean_) + b * m};
    for_each_block(part, [&](int64_t begin, int64_t end) {
      const int64_t rows = end - begin;
      const Matrix<T> x = rows_of<T>(saved_.given.x, begin, end, s_.dim), to = rows_of<T>(of_x, begin, end, s_.dim);
      const Matrix<T> key = rows_of<T>(saved_.keys, begin, end, keys), of_key{of_keys, rows, keys};
      const Matrix<T> w{scores, rows, m}, g{gradient, rows, m};
      multiply(key, spread, w);
      multiply(x, of_mixed.t(), g);
      positions_backward(scores, gradient, rows, m, from, {mask_, static_cast<uint32_t>(begin * m)});
      multiply(g, spread.t(), of_key);
      multiply(w, of_mixed, to);
      multiply_add(of_key, weight, to);
      multiply_to(mine.begun, of_key.t(), x, sum_weight);
      multiply_to(begin != part.begin, g.t(), key, sum_queries);
      if (s_.beside > 0) {
        const Matrix<T> of_beside = rows_of<T>(saved_.of_projected, begin, end, s_.beside);
        multiply_add(of_beside, beside, to);
        multiply_to(mine.begun, of_beside.t(), x, sum_beside);
      }
      mine.begun = true;
    });
  }

  Shape s_;
  const Saved& saved_;
  const RowParts& parts_;
  DropoutMask mask_;
  std::vector<WeightSum> of_weights_;
  Tensor mean_;        // (B, m), see PositionsGradient
  Tensor of_queries_;  // (parts, m, h r)
};

/// What a forward pass gives and leaves.
struct Result {
  Compressed compressed;
  Tensor log_sums, keys;
};

Result forward_rows(const Given& given, const Tensor& lengths, const DropoutMask& mask) {
  const RowParts parts = share_out_rows(lengths, given.x.size(0), given.x.size(1));
  Result result;
  AT_DISPATCH_FLOATING_TYPES(given.x.scalar_type(), "compress_rows", [&] {
    Forward<scalar_t> forward(given, parts, lengths.defined(), mask);
    forward.run();
    result = {{forward.mixed.transpose(0, 1), forward.row_sums, forward.projected}, forward.log_sums, forward.keys};
  });
  return result;
}

struct CompressRows : torch::autograd::Function<CompressRows> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const Tensor& x,
                                                const Tensor& queries, const Tensor& weight,
                                                const std::optional<Tensor>& bias, const Tensor& beside,
                                                const std::optional<Tensor>& given_lengths, double p) {
    const Tensor lengths = given_lengths.value_or(Tensor());
    const DropoutMask mask = draw_dropout_mask(p);
    const auto [to, log_sums, keys] = forward_rows({x, queries, weight, beside}, lengths, mask);
    context->save_for_backward({x, queries, weight, beside, lengths, log_sums, to.mixed, to.row_sums, keys});
    context->saved_data["biased"] = bias.has_value();
    save_mask(*context, mask);
    return {to.mixed, to.row_sums, to.projected};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const Tensor& lengths = saved[4];
    const Saved all{{saved[0], saved[1], saved[2], saved[3]},
                    saved[5],
                    saved[6],
                    saved[7],
                    saved[8],
                    heads_first(gradients[0]),
                    gradients[1].contiguous(),
                    gradients[2].contiguous()};
    const Tensor &x = all.given.x, &weight = all.given.weight;
    const RowParts parts = share_out_rows(lengths, x.size(0), x.size(1));
    const DropoutMask mask = saved_mask(*context);
    Tensor of_x, of_queries, of_weights;
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "compress_rows", [&] {
      Backward<scalar_t> backward(all, parts, lengths.defined(), mask);
      backward.run();
      of_x = backward.of_x, of_queries = backward.of_queries, of_weights = backward.of_weights;
    });
    const auto of = of_weights.split_with_sizes({weight.size(0), all.given.beside.size(0)});
    const bool biased = context->saved_data["biased"].toBool();
    const Tensor of_bias = biased ? torch::zeros({weight.size(0)}, x.options()) : Tensor();
    return {of_x, of_queries, of[0], of_bias, of[1], Tensor(), Tensor()};
  }
};

}  // namespace

Compressed compress_rows(const CompressInputs& inputs) {
  if (const auto compressed = compress_rows_cuda(inputs)) return *compressed;
  if (!takes_rows(inputs.x)) return compress_rows_by_definition(inputs);
  const Tensor &x = inputs.x, &queries = inputs.queries, &weight = inputs.weight, &bias = inputs.bias;
  const Tensor beside = inputs.beside.defined() ? inputs.beside : x.new_empty({0, x.size(2)});
  TORCH_CHECK(x.dim() == 3 && queries.dim() == 4 && queries.size(0) == x.size(0),
              "x (B, n, D), queries (B, h, d_p, r)");
  const int64_t keys = queries.size(1) * queries.size(3);
  TORCH_CHECK(weight.dim() == 2 && weight.size(1) == x.size(2) && weight.size(0) == keys, "weight (h r, D)");
  TORCH_CHECK(!bias.defined() || bias.numel() == keys, "bias (h r)");
  TORCH_CHECK(beside.dim() == 2 && beside.size(1) == x.size(2), "beside (p, D)");
  require_like(x, {queries, weight, beside}, inputs.lengths);
  const Given given{x.contiguous(), queries.contiguous(), weight.contiguous(), beside.contiguous()};
  if (!torch::GradMode::is_enabled())
    return forward_rows(given, inputs.lengths, draw_dropout_mask(inputs.dropout)).compressed;
  const auto outputs = CompressRows::apply(given.x, given.queries, given.weight, if_defined(bias), given.beside,
                                           if_defined(inputs.lengths), inputs.dropout);
  return {outputs[0], outputs[1], outputs[2]};
}

Compressed compress_rows_by_definition(const CompressInputs& inputs) {
  const int64_t heads = inputs.queries.size(1), d_p = inputs.queries.size(2), r = inputs.queries.size(3);
  Tensor x = inputs.x, padding;
  if (inputs.lengths.defined()) {
    padding = torch::arange(x.size(1), inputs.lengths.options()).unsqueeze(0) >= inputs.lengths.unsqueeze(1);  // (B, n)
    x = x.masked_fill(padding.unsqueeze(-1), 0);
  }
  const Tensor keys =
      torch::linear(x, inputs.weight, inputs.bias).unflatten(-1, {heads, r}).permute({0, 2, 3, 1});  // (B, h, r, n)
  const Tensor projected =
      inputs.beside.defined() ? torch::matmul(x, inputs.beside.t()) : x.new_empty({x.size(0), x.size(1), 0});
  Tensor w =
      mask_scores(torch::matmul(inputs.queries, keys), padding.defined() ? padding.unsqueeze(1).unsqueeze(1) : padding)
          .softmax(-1);  // (B, h, d_p, n)
  if (padding.defined()) w = w.masked_fill(padding.unsqueeze(1).unsqueeze(1), 0);
  // Dropout's mask goes by position, so that it is that of compress_rows.
  w = hashed_dropout(w.flatten(1, 2).transpose(1, 2).contiguous(), inputs.dropout, inputs.dropout > 0).transpose(1, 2);
  const Tensor mixed = torch::bmm(w, x);  // (B, m, D)
  return {mixed.unflatten(1, {heads, d_p}), w.sum(-1, true).unflatten(1, {heads, d_p}), projected};
}

}  // namespace fusion
