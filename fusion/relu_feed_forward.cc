#include "fusion/relu_feed_forward.h"

#include <ATen/Parallel.h>

#include "data/vector_clones.h"
#include "fusion/dropout.h"
#include "fusion/dropout_mask.h"
#include "fusion/kernel_inputs.h"
#include "fusion/row_blocks.h"
#include "fusion/slot_matrices.h"

namespace fusion {
namespace {

using torch::Tensor;

constexpr int64_t kRows = 640;  // of a block at most: for each, the library packs both weights anew
constexpr int64_t kFew = 64;    // rows for a thread; fewer are multiplied by all threads together

/// relu(x + bias) after dropout, in place; what is no number stays none.
VQA_VECTOR_CLONES void activate(float* x, const float* bias, int64_t rows, int64_t columns, DropoutMask mask,
                                uint32_t first) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = x + r * columns;
    const auto start = first + static_cast<uint32_t>(r * columns);
    if (mask.drops()) {
      for (int64_t j = 0; j < columns; ++j) {
        const float sum = row[j] + bias[j];
        row[j] = (sum < 0 ? 0.F : sum) * mask.factor(start + static_cast<uint32_t>(j));
      }
    } else {
      for (int64_t j = 0; j < columns; ++j) {
        const float sum = row[j] + bias[j];
        row[j] = sum < 0 ? 0.F : sum;
      }
    }
  }
}

/// The gradient of what `activate` was given from that of `hidden`, its result, in place; adds it up in `sums`.
VQA_VECTOR_CLONES void activate_backward(const float* hidden, float* gradient, int64_t rows, int64_t columns,
                                         float scale, float* sums) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* h = hidden + r * columns;
    float* g = gradient + r * columns;
    for (int64_t j = 0; j < columns; ++j) {
      g[j] = h[j] == 0 ? 0.F : g[j] * scale;
      sums[j] += g[j];
    }
  }
}

/// work(first row, last row) of blocks: each thread its own where there are rows enough, else all threads on each.
template <class Work>
void for_each_rows(int64_t rows, const Work& work) {
  const auto blocks = [&](int64_t begin, int64_t end) {
    const torch::NoGradGuard no_gradients;  // each thread has its own
    in_blocks(begin, end, kRows, work);
  };
  if (rows < kFew * at::get_num_threads()) {
    if (rows > 0) blocks(0, rows);
  } else {
    at::parallel_for(0, rows, kFew, blocks);
  }
}

Matrix<const float> matrix(const Tensor& x) { return {x.const_data_ptr<float>(), x.size(0), x.size(1)}; }

Matrix<const float> rows_of(const Tensor& x, int64_t begin, int64_t end) {
  return {x.const_data_ptr<float>() + begin * x.size(1), end - begin, x.size(1)};
}

Matrix<float> rows_to(const Tensor& x, int64_t begin, int64_t end) {
  return {x.mutable_data_ptr<float>() + begin * x.size(1), end - begin, x.size(1)};
}

/// x (N, D) -> (N, O). `hidden` (N, F) takes what the gradient needs; undefined where there will be none.
Tensor forward_rows(const Tensor& x, const FeedForwardWeights& w, const Tensor& hidden, const DropoutMask& mask) {
  const Matrix<const float> inner = matrix(w.inner), outer = matrix(w.outer);
  const int64_t width = inner.rows;
  Tensor out = torch::empty({x.size(0), outer.rows}, x.options());
  const auto* outer_bias = w.outer_bias.const_data_ptr<float>();
  for_each_rows(x.size(0), [&](int64_t begin, int64_t end) {
    const Tensor room = hidden.defined() ? Tensor() : torch::empty({end - begin, width}, x.options());
    const Matrix<float> h = hidden.defined() ? rows_to(hidden, begin, end) : rows_to(room, 0, end - begin);
    const Matrix<float> to = rows_to(out, begin, end);
    multiply(rows_of(x, begin, end), inner.t(), h);
    activate(h.data, w.inner_bias.const_data_ptr<float>(), h.rows, width, mask, static_cast<uint32_t>(begin * width));
    for (int64_t row = 0; row < to.rows; ++row) std::copy_n(outer_bias, to.columns, to.data + row * to.columns);
    multiply_add(h, outer.t(), to);
  });
  return out;
}

struct ReluFeedForward : torch::autograd::Function<ReluFeedForward> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& inner,
                        const Tensor& inner_bias, const Tensor& outer, const Tensor& outer_bias, double p) {
    const DropoutMask mask = draw_dropout_mask(p);
    const Tensor hidden = torch::empty({x.size(0), inner.size(0)}, x.options());
    context->save_for_backward({x, hidden, inner, outer});
    context->saved_data["scale"] = static_cast<double>(mask.scale);
    return forward_rows(x, {inner, inner_bias, outer, outer_bias}, hidden, mask);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &hidden = saved[1];
    const Matrix<const float> inner = matrix(saved[2]), outer = matrix(saved[3]);
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const Tensor of_out = gradients[0].contiguous();
    const Tensor of_hidden = torch::empty_like(hidden), of_x = torch::empty_like(x);
    const Tensor sums = torch::zeros({at::get_num_threads(), inner.rows}, x.options());
    for_each_rows(x.size(0), [&](int64_t begin, int64_t end) {
      const Matrix<float> g = rows_to(of_hidden, begin, end);
      multiply(rows_of(of_out, begin, end), outer, g);
      activate_backward(rows_of(hidden, begin, end).data, g.data, g.rows, g.columns, scale,
                        sums.mutable_data_ptr<float>() + at::get_thread_num() * g.columns);
      multiply(g, inner, rows_to(of_x, begin, end));
    });
    return {of_x, at::mm(of_hidden.t(), x), sums.sum(0), at::mm(of_out.t(), hidden), of_out.sum(0), Tensor()};
  }
};

bool needs_gradient(const Tensor& x, const FeedForwardWeights& w) {
  if (!torch::GradMode::is_enabled()) return false;
  return x.requires_grad() || w.inner.requires_grad() || w.inner_bias.requires_grad() || w.outer.requires_grad() ||
         w.outer_bias.requires_grad();
}

}  // namespace

Tensor relu_feed_forward(const Tensor& x, const FeedForwardWeights& weights, double p) {
  if (!x.device().is_cpu() || x.scalar_type() != torch::kFloat32)
    return feed_forward_by_operators(x, weights, p, torch::relu);
  require_like(x, {weights.inner, weights.inner_bias, weights.outer, weights.outer_bias}, {});
  TORCH_CHECK(
      weights.inner_bias.numel() == weights.inner.size(0) && weights.outer_bias.numel() == weights.outer.size(0),
      "biases of as many numbers as the weights have rows");
  const FeedForwardWeights w{weights.inner.contiguous(), weights.inner_bias.contiguous(), weights.outer.contiguous(),
                             weights.outer_bias.contiguous()};
  const Tensor rows = x.reshape({-1, x.size(-1)}).contiguous();  // (N, D)
  const Tensor out = needs_gradient(x, w) || p > 0
                         ? ReluFeedForward::apply(rows, w.inner, w.inner_bias, w.outer, w.outer_bias, p)
                         : forward_rows(rows, w, {}, {});
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = out.size(1);
  return out.view(sizes);  // (..., O)
}

Tensor feed_forward_by_operators(const Tensor& x, const FeedForwardWeights& w, double p,
                                 Tensor (*activation)(const Tensor&)) {
  const Tensor hidden = activation(torch::linear(x, w.inner, w.inner_bias));  // (..., F)
  return torch::linear(hashed_dropout(hidden, p, p > 0), w.outer, w.outer_bias);
}

}  // namespace fusion
