#include "fusion/softmax_attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "data/vector_clones.h"
#include "data/vector_math.h"
#include "fusion/dropout.h"
#include "fusion/dropout_mask.h"
#include "fusion/kernel_inputs.h"
#include "fusion/slot_matrices.h"

namespace fusion {
namespace {

using torch::Tensor;

constexpr int64_t kBlockScores = 1 << 16;  // of a block of queries: 256 KB, which the second cache holds
constexpr int64_t kFewQueries = 32;        // of a block: fewer keep a matrix product from its full speed

/// A block of one head's scores; kernels take it by value (see BlockMask).
struct Block {
  int64_t rows, columns;
  float scale;
  BlockMask mask;
};

/// Products (rows, columns) -> weights after dropout, in place. `log_sums` (rows): log of the sum of exp(score).
VQA_VECTOR_CLONES void softmax_rows(float* scores, Block block, float* log_sums) {
  for (int64_t r = 0; r < block.rows; ++r) {
    float* row = scores + r * block.columns;
    const float most = data::max_of(block.columns, row[0], [&](int64_t j) { return row[j]; });
    for (int64_t j = 0; j < block.columns; ++j) row[j] = data::fast_exp((row[j] - most) * block.scale);
    const float sum = data::sum_of(block.columns, [&](int64_t j) { return row[j]; });
    log_sums[r] = most * block.scale + std::log(sum);
    const float inverse = 1 / sum;
    if (block.mask.drops()) {
      for (int64_t j = 0; j < block.columns; ++j) row[j] *= inverse * block.mask.factor(r, j);
    } else {
      for (int64_t j = 0; j < block.columns; ++j) row[j] *= inverse;
    }
  }
}

/// Products (rows, columns) -> weights after dropout, and `gradient` of those -> of the products; both in place.
/// `means` (rows): sums of weight times gradient.
VQA_VECTOR_CLONES void softmax_rows_backward(float* scores, float* gradient, Block block, const float* log_sums,
                                             const float* means) {
  for (int64_t r = 0; r < block.rows; ++r) {
    float* w = scores + r * block.columns;
    float* g = gradient + r * block.columns;
    const float log_sum = log_sums[r], mean = means[r];
    for (int64_t j = 0; j < block.columns; ++j) {
      const float weight = data::fast_exp(w[j] * block.scale - log_sum);
      const float factor = block.mask.drops() ? block.mask.factor(r, j) : 1.F;
      g[j] = weight * (factor * g[j] - mean) * block.scale;
      w[j] = factor * weight;
    }
  }
}

/// Sums of a row of `a` times a row of `b`.
VQA_VECTOR_CLONES void row_products(const float* a, const float* b, int64_t row, int64_t rows, int64_t columns,
                                    float* out) {
  for (int64_t r = 0; r < rows; ++r)
    out[r] = data::sum_of(columns, [&](int64_t j) { return a[r * row + j] * b[r * row + j]; });
}

/// Rows `begin` to `end` of one head of (B, h, T, d_h).
template <class T>
Matrix<T> head_rows(const Tensor& x, int64_t sample, int64_t head, std::array<int64_t, 2> rows) {
  T* data = data_of<T>(x) + sample * x.stride(0) + head * x.stride(1) + rows[0] * x.stride(2);
  return {data, rows[1] - rows[0], x.size(3), x.stride(2)};
}

/// What both passes go through: every head of every sample on a thread of its own, its queries block by block.
class Heads {
 public:
  Heads(const Tensor& queries, const Tensor& keys, const Tensor& lengths, const DropoutMask& mask)
      : samples_(queries.size(0)),
        heads_(queries.size(1)),
        queries_(queries.size(2)),
        keys_(keys.size(2)),
        lengths_(lengths),
        mask_(mask),
        scale_(1 / std::sqrt(static_cast<float>(queries.size(3)))) {
    most_rows_ =
        std::clamp<int64_t>(kBlockScores / std::max<int64_t>(1, keys_), kFewQueries, std::max(queries_, kFewQueries));
  }

  int64_t room() const { return most_rows_ * keys_; }  // numbers of a block of scores
  int64_t most_rows() const { return most_rows_; }
  int64_t length(int64_t sample) const { return real_rows(lengths_, sample, keys_); }

  /// make(): a worker for a thread; worker.begin(sample, head), then worker.block(queries' range, block) for each.
  template <class Make>
  void run(const Make& make) const {
    at::parallel_for(0, samples_ * heads_, 1, [&](int64_t first, int64_t last) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      auto worker = make();
      for (int64_t i = first; i < last; ++i) {
        const int64_t sample = i / heads_, keys = length(sample);
        worker.begin(sample, i % heads_, keys);
        for (int64_t row = 0; row < queries_ && keys > 0; row += most_rows_) {
          const int64_t end = std::min(row + most_rows_, queries_);
          worker.block({row, end},
                       {end - row, keys, scale_, {mask_, static_cast<uint32_t>((i * queries_ + row) * keys_), keys}});
        }
      }
    });
  }

 private:
  int64_t samples_, heads_, queries_, keys_;
  const Tensor& lengths_;
  DropoutMask mask_;
  float scale_;
  int64_t most_rows_ = 0;
};

struct Saved {
  Tensor queries, keys, values, lengths, out, log_sums;  // log_sums (B, h, Tq)
};

struct ForwardWorker {
  const Saved& s;
  std::vector<float> scores;
  int64_t sample = 0, head = 0, keys = 0;

  void begin(int64_t of_sample, int64_t of_head, int64_t length) { sample = of_sample, head = of_head, keys = length; }

  void block(std::array<int64_t, 2> rows, const Block& block) {
    const Matrix<float> w{scores.data(), block.rows, keys};
    float* log_sums = data_of<float>(s.log_sums) + (sample * s.queries.size(1) + head) * s.queries.size(2) + rows[0];
    multiply(head_rows<float>(s.queries, sample, head, rows), head_rows<float>(s.keys, sample, head, {0, keys}).t(), w);
    softmax_rows(w.data, block, log_sums);
    multiply(w, head_rows<float>(s.values, sample, head, {0, keys}), head_rows<float>(s.out, sample, head, rows));
  }
};

struct BackwardWorker {
  const Saved& s;
  const Tensor &of_out, &of_queries, &of_keys, &of_values;
  std::vector<float> scores, gradient, means;
  int64_t sample = 0, head = 0, keys = 0;

  void begin(int64_t of_sample, int64_t of_head, int64_t length) { sample = of_sample, head = of_head, keys = length; }

  void block(std::array<int64_t, 2> rows, const Block& block) {
    const auto of = [&](const Tensor& x) { return head_rows<float>(x, sample, head, rows); };
    const auto all_of = [&](const Tensor& x) { return head_rows<float>(x, sample, head, {0, keys}); };
    const Matrix<float> w{scores.data(), block.rows, keys}, g{gradient.data(), block.rows, keys};
    const float* log_sums =
        data_of<float>(s.log_sums) + (sample * s.queries.size(1) + head) * s.queries.size(2) + rows[0];
    multiply(of(s.queries), all_of(s.keys).t(), w);
    multiply(of(of_out), all_of(s.values).t(), g);
    row_products(of(of_out).data, of(s.out).data, s.out.stride(2), block.rows, s.out.size(3), means.data());
    softmax_rows_backward(w.data, g.data, block, log_sums, means.data());
    multiply(g, all_of(s.keys), of(of_queries));
    if (rows[0] == 0) {
      multiply(w.t(), of(of_out), all_of(of_values));
      multiply(g.t(), of(s.queries), all_of(of_keys));
    } else {
      multiply_add(w.t(), of(of_out), all_of(of_values));
      multiply_add(g.t(), of(s.queries), all_of(of_keys));
    }
  }
};

/// Zeros (B, h, T, d_h) that stand as (B, T, h, d_h), so that concatenating heads costs nothing.
Tensor rows_first(const Tensor& like) {
  return torch::zeros({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options()).transpose(1, 2);
}

struct SoftmaxAttention : torch::autograd::Function<SoftmaxAttention> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& queries, const Tensor& keys,
                        const Tensor& values, const std::optional<Tensor>& key_lengths, double p) {
    const DropoutMask mask = draw_dropout_mask(p);
    const Tensor log_sums = torch::empty(queries.sizes().slice(0, 3), queries.options());
    const Saved s{queries, keys, values, key_lengths.value_or(Tensor()), rows_first(queries), log_sums};
    context->save_for_backward({s.queries, s.keys, s.values, s.lengths, s.out, s.log_sums});
    save_mask(*context, mask);
    const Heads heads(queries, keys, s.lengths, mask);
    heads.run([&] { return ForwardWorker{s, std::vector<float>(static_cast<size_t>(heads.room()))}; });
    return s.out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto kept = context->get_saved_variables();
    const Saved s{kept[0], kept[1], kept[2], kept[3], kept[4], kept[5]};
    const Heads heads(s.queries, s.keys, s.lengths, saved_mask(*context));
    const Tensor of_out = gradients[0].transpose(1, 2).contiguous().transpose(1, 2);  // in memory as `out`
    const Tensor of_queries = rows_first(s.queries), of_keys = rows_first(s.keys), of_values = rows_first(s.values);
    heads.run([&] {
      const auto room = static_cast<size_t>(heads.room());
      return BackwardWorker{s,
                            of_out,
                            of_queries,
                            of_keys,
                            of_values,
                            std::vector<float>(room),
                            std::vector<float>(room),
                            std::vector<float>(static_cast<size_t>(heads.most_rows()))};
    });
    return {of_queries, of_keys, of_values, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor softmax_attention(const SoftmaxAttentionInputs& inputs) {
  const Tensor &q = inputs.queries, &k = inputs.keys, &v = inputs.values;
  TORCH_CHECK(q.device().is_cpu() && q.scalar_type() == torch::kFloat32, "float32 on a CPU");
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) &&
                  q.size(1) == k.size(1) && q.size(3) == k.size(3),
              "queries (B, h, Tq, d_h), keys and values (B, h, Tk, d_h)");
  TORCH_CHECK(q.stride(3) == 1 && k.stride(3) == 1 && v.stride(3) == 1, "features side by side");
  require_like(q, {k, v}, inputs.key_lengths);
  require_real_rows(inputs.key_lengths, k.size(2));
  return SoftmaxAttention::apply(inputs.queries, inputs.keys, inputs.values, if_defined(inputs.key_lengths),
                                 inputs.dropout);
}

}  // namespace fusion
