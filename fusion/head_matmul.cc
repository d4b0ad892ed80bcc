#include "fusion/head_matmul.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <vector>

#include "data/vector_clones.h"

namespace fusion {
namespace {

constexpr int64_t kMostProducts = 1 << 15;  // multiplications of one small product; a library is faster above
constexpr int64_t kGrain = 1 << 15;         // multiplications a thread takes at least

/// A matrix in memory: element (i, j) stands at data[i * row + j * column].
template <class Float>
struct Strided {
  Float* data;
  int64_t row, column;
};

/// Columns j .. j + kWidth of c = a b. `b` has unit column stride. The sums stay in registers.
template <int kWidth>
inline __attribute__((always_inline)) void multiply_columns(Strided<const float> a, const float* b, int64_t b_row,
                                                            Strided<float> c, int64_t m, int64_t k) {
  for (int64_t i = 0; i < m; ++i) {
    float sum[kWidth] = {};
    for (int64_t p = 0; p < k; ++p) {
      const float factor = a.data[i * a.row + p * a.column];
      for (int j = 0; j < kWidth; ++j) sum[j] += factor * b[p * b_row + j];
    }
    float* out = c.data + i * c.row;
    if (c.column == 1) {
      for (int j = 0; j < kWidth; ++j) out[j] = sum[j];
    } else {
      for (int j = 0; j < kWidth; ++j) out[j * c.column] = sum[j];
    }
  }
}

/// c (m, n) = a (m, k) b (k, n).  `scratch` has room for k * n numbers.
VQA_VECTOR_CLONES void multiply(Strided<const float> a, Strided<const float> b, Strided<float> c,
                                std::array<int64_t, 3> extents, float* scratch) {
  const auto [m, k, n] = extents;
  const float* right = b.data;
  int64_t right_row = b.row;
  if (b.column != 1) {
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t j = 0; j < n; ++j) scratch[p * n + j] = b.data[p * b.row + j * b.column];
    }
    right = scratch;
    right_row = n;
  }
  int64_t j = 0;
  const auto at = [&](int64_t column) { return Strided<float>{c.data + column * c.column, c.row, c.column}; };
  for (; j + 32 <= n; j += 32) multiply_columns<32>(a, right + j, right_row, at(j), m, k);
  for (; j + 16 <= n; j += 16) multiply_columns<16>(a, right + j, right_row, at(j), m, k);
  for (; j + 8 <= n; j += 8) multiply_columns<8>(a, right + j, right_row, at(j), m, k);
  for (; j + 4 <= n; j += 4) multiply_columns<4>(a, right + j, right_row, at(j), m, k);
  for (; j < n; ++j) multiply_columns<1>(a, right + j, right_row, at(j), m, k);
}

template <class Float>
Strided<Float> matrix(const torch::Tensor& x, Float* data, int64_t sample, int64_t head) {
  return {data + sample * x.stride(0) + head * x.stride(1), x.stride(2), x.stride(3)};
}

/// out (B, h, m, n) = a b, for any strides.
void multiply_all(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& out) {
  const int64_t heads = a.size(1), m = a.size(2), k = a.size(3), n = b.size(3);
  const auto* from_a = a.const_data_ptr<float>();
  const auto* from_b = b.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, m * k * n));
  at::parallel_for(0, a.size(0) * heads, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(k * n));
    for (int64_t i = begin; i < end; ++i) {
      multiply(matrix(a, from_a, i / heads, i % heads), matrix(b, from_b, i / heads, i % heads),
               matrix(out, to, i / heads, i % heads), {m, k, n}, scratch.data());
    }
  });
}

torch::Tensor empty_result(const torch::Tensor& a, int64_t n, HeadOrder order) {
  const int64_t batch = a.size(0), heads = a.size(1), m = a.size(2);
  return order == HeadOrder::kHeadsFirst ? torch::empty({batch, heads, m, n}, a.options())
                                         : torch::empty({batch, m, heads, n}, a.options()).transpose(1, 2);
}

struct SmallProduct : torch::autograd::Function<SmallProduct> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& a,
                               const torch::Tensor& b, bool rows_first) {
    context->save_for_backward({a, b});
    const torch::Tensor out = empty_result(a, b.size(3), rows_first ? HeadOrder::kRowsFirst : HeadOrder::kHeadsFirst);
    multiply_all(a, b, out);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor &a = saved[0], &b = saved[1], &g = gradients[0];
    torch::Tensor of_a, of_b;  // in the memory order of a and b, so that views of them go back without a copy
    if (context->needs_input_grad(0)) multiply_all(g, b.transpose(2, 3), of_a = torch::empty_like(a));
    if (context->needs_input_grad(1)) multiply_all(a.transpose(2, 3), g, of_b = torch::empty_like(b));
    return {of_a, of_b, torch::Tensor()};
  }
};

}  // namespace

torch::Tensor head_matmul(const torch::Tensor& a, const torch::Tensor& b, HeadOrder order) {
  const bool small = a.size(2) * a.size(3) * b.size(3) <= kMostProducts;
  const bool ours = small && a.device().is_cpu() && a.scalar_type() == torch::kFloat32 &&
                    b.scalar_type() == torch::kFloat32 && a.size(0) == b.size(0);
  return ours ? SmallProduct::apply(a, b, order == HeadOrder::kRowsFirst) : torch::matmul(a, b);
}

torch::Tensor split_heads(const torch::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

torch::Tensor concat_heads(const torch::Tensor& x) { return x.transpose(1, 2).flatten(2); }

}  // namespace fusion
