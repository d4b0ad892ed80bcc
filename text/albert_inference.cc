#include <ATen/Parallel.h>

#include <algorithm>
#include <type_traits>

#include "text/albert_kernels.h"
#include "text/albert_layers.h"
#include "text/attention_kernels.h"

namespace text {
namespace {

constexpr int64_t kFewRows = 64;    // of a thread's own: fewer keep a matrix product from its full speed
constexpr int64_t kMostRows = 512;  // at a time, or activations leave the last cache; more gain nothing
constexpr int64_t kGrain = 8;       // rows that a thread takes at least, where threads work together

struct Range {
  int64_t begin = 0, end = 0;  // questions
};

template <class Number>
constexpr at::ScalarType kType = std::is_same_v<Number, float> ? torch::kFloat32 : torch::kBFloat16;

const float* numbers(const torch::Tensor& vector) { return vector.const_data_ptr<float>(); }

/// Takes some questions through all layers.
template <class Number>
class Block {
 public:
  Block(const AlbertWeights& weights, const AlbertOptions& options, const PackedQuestions& questions, Range range)
      : weights_(weights), options_(options), questions_(questions), range_(range) {
    first_row_ = questions.begin(range.begin);
    rows_ = questions.begin(range.end) - first_row_;
    const auto room = [&](int64_t n) { return torch::empty({rows_, n}, kType<Number>); };
    x_ = room(options.dim);
    attended_ = room(options.dim);
    middle_ = room(options.dim);
    projected_ = room(3 * options.dim);
    hidden_ = room(options.feed_forward);
  }

  /// `ids` and `positions` (N) of all questions; `out` (Q, T, D).
  void run(const torch::Tensor& ids, const torch::Tensor& positions, float* out) {
    embed(ids.narrow(0, first_row_, rows_), positions.narrow(0, first_row_, rows_));
    for (int64_t layer = 0; layer < options_.layers; ++layer) {
      for (int64_t inner = 0; inner < options_.inner_layers; ++inner)
        run_layer(weights_.of_layer(layer, inner, options_));
    }
    write(out);
  }

 private:
  void embed(const torch::Tensor& ids, const torch::Tensor& positions) {
    const torch::Tensor embedded = embed_tokens(ids, positions, weights_, options_.layer_norm_eps);
    at::mm_out(x_, embedded.to(kType<Number>), weights_.widening.t());
    x_.add_(weights_.widening_bias);
  }

  void run_layer(const AlbertLayerWeights& w) {
    at::mm_out(projected_, x_, w.projection.t());
    attend_all(w.projection_bias);
    at::mm_out(middle_, attended_, w.output.t());
    add_norm_all(middle_, x_, {numbers(w.output_bias), numbers(w.attention_scale), numbers(w.attention_shift)});
    at::mm_out(hidden_, middle_, w.inner.t());
    activate(w.inner_bias);
    at::mm_out(x_, hidden_, w.outer.t());
    add_norm_all(x_, middle_, {numbers(w.outer_bias), numbers(w.feed_forward_scale), numbers(w.feed_forward_shift)});
  }

  void attend_all(const torch::Tensor& bias) {
    const int64_t dim = options_.dim;
    const Number* from = data(projected_);
    Number* to = data(attended_);
    at::parallel_for(range_.begin, range_.end, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> memory;
      for (int64_t q = begin; q < end; ++q) {
        const AttentionShape shape{questions_.length(q), options_.heads, dim / options_.heads};
        const int64_t row = questions_.begin(q) - first_row_, count = shape.tokens * dim;
        memory.resize(std::max(memory.size(), static_cast<size_t>(4 * count + shape.scratch())));
        float* out = memory.data() + 3 * count;
        add_bias(from + 3 * row * dim, numbers(bias), shape.tokens, 3 * dim, memory.data());
        if constexpr (std::is_same_v<Number, float>) {
          attend(memory.data(), shape, to + row * dim, out);
        } else {
          attend(memory.data(), shape, out, out + count);
          convert(out, count, to + row * dim);
        }
      }
    });
  }

  void activate(const torch::Tensor& bias) {
    if (options_.activation == "gelu_new") {
      const int64_t n = options_.feed_forward;
      Number* x = data(hidden_);
      at::parallel_for(0, rows_, kGrain, [&](int64_t begin, int64_t end) {
        add_bias_gelu(x + begin * n, numbers(bias), end - begin, n);
      });
    } else {
      hidden_.add_(bias);
      options_.activation == "relu" ? at::relu_(hidden_) : at::gelu_(hidden_);
    }
  }

  void add_norm_all(torch::Tensor& x, const torch::Tensor& residual, NormNumbers norm) {
    norm.dim = options_.dim;
    norm.eps = static_cast<float>(options_.layer_norm_eps);
    Number* to = data(x);
    const Number* from = data(residual);
    at::parallel_for(0, rows_, kGrain, [&](int64_t begin, int64_t end) {
      add_norm(to + begin * norm.dim, from + begin * norm.dim, end - begin, norm);
    });
  }

  void write(float* out) const {
    const int64_t dim = options_.dim, width = questions_.width();
    const torch::Tensor rows = x_.to(torch::kFloat32);
    for (int64_t q = range_.begin; q < range_.end; ++q) {
      const float* from = numbers(rows) + (questions_.begin(q) - first_row_) * dim;
      const float* end = from + questions_.length(q) * dim;
      float* to = std::copy(from, end, out + q * width * dim);
      std::fill(to, out + (q + 1) * width * dim, 0.F);
    }
  }

  static Number* data(const torch::Tensor& x) { return static_cast<Number*>(x.data_ptr()); }

  const AlbertWeights& weights_;
  const AlbertOptions& options_;
  const PackedQuestions& questions_;
  Range range_;
  int64_t first_row_ = 0, rows_ = 0;
  torch::Tensor x_, attended_, middle_, projected_, hidden_;  // (rows, D), (rows, D), (rows, D), (rows, 3D), (rows, F)
};

/// Whole questions in parts of about as many rows.
std::vector<Range> share_out(const PackedQuestions& questions) {
  const int64_t threads = at::get_num_threads(), rows = questions.rows();
  const bool together = rows < kFewRows * threads;
  const int64_t parts = together ? 1 : threads * ((rows + threads * kMostRows - 1) / (threads * kMostRows));
  std::vector<Range> ranges;
  int64_t begin = 0;
  for (int64_t part = 1; part <= parts && begin < questions.count(); ++part) {
    int64_t end = part == parts ? questions.count() : begin;
    while (end < questions.count() && questions.begin(end) * parts < rows * part) ++end;
    if (end > begin) ranges.push_back({begin, end});
    begin = end;
  }
  return ranges;
}

template <class Number>
torch::Tensor infer(const torch::Tensor& ids, const PackedQuestions& questions, const AlbertWeights& weights,
                    const AlbertOptions& options) {
  const torch::Tensor packed = pack(ids, questions), positions = questions.positions();
  torch::Tensor out = torch::empty({questions.count(), questions.width(), options.dim}, torch::kFloat32);
  auto* to = out.mutable_data_ptr<float>();
  const std::vector<Range> ranges = share_out(questions);
  at::parallel_for(0, std::ssize(ranges), 1, [&](int64_t begin, int64_t end) {
    const torch::NoGradGuard no_gradients;  // each thread has its own
    for (int64_t i = begin; i < end; ++i)
      Block<Number>(weights, options, questions, ranges[static_cast<size_t>(i)]).run(packed, positions, to);
  });
  return out;
}

}  // namespace

torch::Tensor infer_albert(const torch::Tensor& ids, const PackedQuestions& questions, const AlbertWeights& weights,
                           const AlbertOptions& options) {
  const bool halves = weights.widening.scalar_type() == torch::kBFloat16;
  return halves ? infer<BFloat16>(ids, questions, weights, options) : infer<float>(ids, questions, weights, options);
}

}  // namespace text
