#include "fusion/residual_norm.h"

#include <ATen/Parallel.h>

#include <cmath>

#include "data/vector_clones.h"
#include "data/vector_math.h"
#include "fusion/dropout.h"
#include "fusion/dropout_mask.h"
#include "fusion/kernel_inputs.h"

namespace fusion {
namespace {

using torch::Tensor;

constexpr int64_t kGrain = 16;  // rows a thread takes at least

/// What both passes know of some rows; kernels take it by value (see BlockMask).
struct Rows {
  int64_t begin = 0, end = 0, dim = 0;
  float eps = 0;
  DropoutMask mask;

  float factor(int64_t row, int64_t j) const { return mask.factor(static_cast<uint32_t>(row * dim + j)); }
};

/// Mean and reciprocal deviation of a row.
struct Moments {
  float mean = 0, inverse = 0;
};

[[gnu::always_inline]] inline Moments moments(const float* row, const Rows& rows) {
  const auto dim = static_cast<float>(rows.dim);
  const float mean = data::sum_of(rows.dim, [&](int64_t j) { return row[j]; }) / dim;
  const float squares = data::sum_of(rows.dim, [&](int64_t j) { return (row[j] - mean) * (row[j] - mean); });
  return {mean, 1 / std::sqrt(squares / dim + rows.eps)};
}

/// `sum` of one row alone where `keeps_sums` is false.
VQA_VECTOR_CLONES void norm_rows(const float* x, const float* branch, const float* weight, const float* bias, Rows rows,
                                 bool keeps_sums, float* sums, float* out) {
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const int64_t at = r * rows.dim;
    float* sum = keeps_sums ? sums + at : sums;
    if (rows.mask.drops()) {
      for (int64_t j = 0; j < rows.dim; ++j) sum[j] = x[at + j] + branch[at + j] * rows.factor(r, j);
    } else {
      for (int64_t j = 0; j < rows.dim; ++j) sum[j] = x[at + j] + branch[at + j];
    }
    const Moments m = moments(sum, rows);
    for (int64_t j = 0; j < rows.dim; ++j) out[at + j] = (sum[j] - m.mean) * m.inverse * weight[j] + bias[j];
  }
}

/// `gradient` of the output -> `of_sum` and `of_branch`; adds up those of weight and bias.
VQA_VECTOR_CLONES void norm_rows_backward(const float* sums, const float* gradient, const float* weight, Rows rows,
                                          float* of_sum, float* of_branch, float* of_weight, float* of_bias) {
  const auto dim = static_cast<float>(rows.dim);
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const int64_t at = r * rows.dim;
    const float* sum = sums + at;
    const float* g = gradient + at;
    const Moments m = moments(sum, rows);
    const float mean = data::sum_of(rows.dim, [&](int64_t j) { return g[j] * weight[j]; }) / dim;
    const float product =
        data::sum_of(rows.dim, [&](int64_t j) { return g[j] * weight[j] * (sum[j] - m.mean) * m.inverse; }) / dim;
    // None of the six overlap, which are too many for a compiler to find out at each row.
#pragma GCC ivdep
    for (int64_t j = 0; j < rows.dim; ++j) {
      const float normal = (sum[j] - m.mean) * m.inverse;
      of_weight[j] += g[j] * normal;
      of_bias[j] += g[j];
      of_sum[at + j] = m.inverse * (g[j] * weight[j] - mean - normal * product);
    }
    if (!rows.mask.drops()) continue;
    for (int64_t j = 0; j < rows.dim; ++j) of_branch[at + j] = of_sum[at + j] * rows.factor(r, j);
  }
}

Rows rows_of(const Tensor& x, double eps, const DropoutMask& mask) {
  return {.dim = x.size(1), .eps = static_cast<float>(eps), .mask = mask};
}

/// x and branch (N, D) -> (N, D). `sums` (N, D) takes what the gradient needs; undefined where there will be none.
Tensor forward_rows(const Tensor& x, const Tensor& branch, const Tensor& weight, const Tensor& bias, const Rows& rows,
                    const Tensor& sums) {
  Tensor out = torch::empty_like(x);
  at::parallel_for(0, x.size(0), kGrain, [&](int64_t begin, int64_t end) {
    Rows part = rows;
    part.begin = begin, part.end = end;
    std::vector<float> row(static_cast<size_t>(sums.defined() ? 0 : rows.dim));
    norm_rows(data_of<float>(x), data_of<float>(branch), data_of<float>(weight), data_of<float>(bias), part,
              sums.defined(), sums.defined() ? data_of<float>(sums) : row.data(), data_of<float>(out));
  });
  return out;
}

struct ResidualNorm : torch::autograd::Function<ResidualNorm> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& branch,
                        const Tensor& weight, const Tensor& bias, double eps, double p) {
    const Tensor sums = torch::empty_like(x);
    context->save_for_backward({sums, weight});
    context->saved_data["eps"] = eps;
    const Rows rows = rows_of(x, eps, draw_dropout_mask(p));
    save_mask(*context, rows.mask);
    return forward_rows(x, branch, weight, bias, rows, sums);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const Tensor &sums = saved[0], &weight = saved[1], gradient = gradients[0].contiguous();
    const Rows rows = rows_of(sums, context->saved_data["eps"].toDouble(), saved_mask(*context));
    const Tensor of_x = torch::empty_like(sums), of_branch = rows.mask.drops() ? torch::empty_like(sums) : of_x;
    const Tensor of_parameters = torch::zeros({at::get_num_threads(), 2, rows.dim}, sums.options());
    at::parallel_for(0, sums.size(0), kGrain, [&](int64_t begin, int64_t end) {
      Rows part = rows;
      part.begin = begin, part.end = end;
      float* of_weight = data_of<float>(of_parameters) + at::get_thread_num() * 2 * rows.dim;
      norm_rows_backward(data_of<float>(sums), data_of<float>(gradient), data_of<float>(weight), part,
                         data_of<float>(of_x), data_of<float>(of_branch), of_weight, of_weight + rows.dim);
    });
    const Tensor both = of_parameters.sum(0);
    return {of_x, of_branch, both[0], both[1], Tensor(), Tensor()};
  }
};

}  // namespace

Tensor residual_norm(const Tensor& x, const Tensor& branch, const Tensor& weight, const Tensor& bias,
                     const ResidualNormOptions& options) {
  const double p = options.dropout;
  if (!x.device().is_cpu() || x.scalar_type() != torch::kFloat32 || branch.sizes() != x.sizes())
    return torch::layer_norm(x + hashed_dropout(branch, p, p > 0), {x.size(-1)}, weight, bias, options.eps);
  require_like(x, {branch, weight, bias}, {});
  TORCH_CHECK(weight.numel() == x.size(-1) && bias.numel() == x.size(-1), "weight and bias (D)");
  const Tensor rows = x.reshape({-1, x.size(-1)}).contiguous(),
               of_branch = branch.reshape({-1, x.size(-1)}).contiguous();
  if (torch::GradMode::is_enabled())
    return ResidualNorm::apply(rows, of_branch, weight.contiguous(), bias.contiguous(), options.eps, p).view_as(x);
  return forward_rows(rows, of_branch, weight.contiguous(), bias.contiguous(),
                      rows_of(rows, options.eps, draw_dropout_mask(p)), {})
      .view_as(x);
}

}  // namespace fusion
