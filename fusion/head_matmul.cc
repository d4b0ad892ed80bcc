#include "fusion/head_matmul.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "fusion/kernel_inputs.h"
#include "fusion/small_product.h"

namespace fusion {
namespace {

constexpr int64_t kMostProducts = 1 << 15;  // multiplications of one small product; a library is faster above
constexpr int64_t kGrain = 1 << 15;         // multiplications a thread takes at least

template <class Float>
Matrix<Float> matrix(const torch::Tensor& x, Float* data, int64_t sample, int64_t head) {
  return {data + sample * x.stride(0) + head * x.stride(1), x.size(2), x.size(3), x.stride(2), x.stride(3)};
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
      multiply_small(SmallProduct<float>{.a = matrix(a, from_a, i / heads, i % heads),
                                         .b = matrix(b, from_b, i / heads, i % heads),
                                         .c = matrix(out, to, i / heads, i % heads),
                                         .scratch = scratch.data()});
    }
  });
}

torch::Tensor empty_result(const torch::Tensor& a, int64_t n, HeadOrder order) {
  const int64_t batch = a.size(0), heads = a.size(1), m = a.size(2);
  return order == HeadOrder::kHeadsFirst ? torch::empty({batch, heads, m, n}, a.options())
                                         : torch::empty({batch, m, heads, n}, a.options()).transpose(1, 2);
}

struct HeadProduct : torch::autograd::Function<HeadProduct> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& a,
                               const torch::Tensor& b, bool rows_first) {
    context->save_for_backward({a, b});
    const torch::Tensor out = empty_result(a, b.size(3), rows_first ? HeadOrder::kRowsFirst : HeadOrder::kHeadsFirst);
    multiply_all(a, b, out);
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
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
  return ours ? HeadProduct::apply(a, b, order == HeadOrder::kRowsFirst) : torch::matmul(a, b);
}

torch::Tensor split_heads(const torch::Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

torch::Tensor rows_of_heads(const torch::Tensor& x) { return x.transpose(0, 1).flatten(1, 2); }

torch::Tensor concat_heads(const torch::Tensor& x) { return x.transpose(1, 2).flatten(2); }

}  // namespace fusion
