#include "fusion/slot_queries.h"

#include <cmath>

#include "fusion/head_matmul.h"
#include "fusion/kernel_inputs.h"
#include "fusion/slot_columns.h"

namespace fusion {
namespace {

using torch::Tensor;

double scale_of(const Tensor& weight, int64_t heads) {
  return 1 / std::sqrt(static_cast<double>(weight.size(0) / heads));  // r^-1/2
}

Tensor rows_of(const Tensor& z) { return z.reshape({-1, z.size(2)}).contiguous(); }  // (L, D)

/// z (B, d_p, D) -> (B, h, d_p, r) contiguous.
Tensor forward_rows(const Tensor& z, const Tensor& weight, const Tensor& bias, int64_t heads) {
  const int64_t batch = z.size(0), d_p = z.size(1), r = weight.size(0) / heads;
  const Tensor columns = linear_columns({{columns_of(rows_of(z)), weight, bias}});  // (h r, L)
  Tensor queries = torch::empty({batch, heads, d_p, r}, z.options());
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "slot_queries", [&] {
    const auto scale = static_cast<scalar_t>(scale_of(weight, heads));
    const auto* from = data_of<scalar_t>(columns);
    auto* to = data_of<scalar_t>(queries);
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t feature = 0; feature < heads * r; ++feature) {
        for (int64_t slot = 0; slot < d_p; ++slot)
          to[((b * heads + feature / r) * d_p + slot) * r + feature % r] =
              scale * from[(feature * batch + b) * d_p + slot];
      }
    }
  });
  return queries;
}

struct SlotQueries : torch::autograd::Function<SlotQueries> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& z, const Tensor& weight,
                        const Tensor& bias, int64_t heads) {
    context->save_for_backward({z, weight});
    return forward_rows(z, weight, bias, heads);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const Tensor &z = saved[0], &weight = saved[1], &of_queries = gradients[0];
    const Tensor of_linear = concat_heads(of_queries).flatten(0, 1) * scale_of(weight, of_queries.size(1));  // (L, h r)
    return {at::mm(of_linear, weight).view_as(z), at::mm(of_linear.t(), rows_of(z)), of_linear.sum(0), Tensor()};
  }
};

}  // namespace

Tensor slot_queries(const Tensor& z, const torch::nn::Linear& a, int64_t heads) {
  const Tensor weight = a->weight.contiguous(), bias = a->bias.contiguous();
  if (!takes_rows(z)) return slot_queries_by_definition(z, a, heads);
  require_like(z, {weight, bias}, {});
  TORCH_CHECK(heads > 0 && z.dim() == 3 && z.size(2) == weight.size(1) && weight.size(0) % heads == 0 &&
                  bias.numel() == weight.size(0),
              "z (B, d_p, D), A of D -> h r");
  return torch::GradMode::is_enabled() ? SlotQueries::apply(z, weight, bias, heads)
                                       : forward_rows(z, weight, bias, heads);
}

Tensor slot_queries_by_definition(const Tensor& z, const torch::nn::Linear& a, int64_t heads) {
  return split_heads(torch::linear(z, a->weight, a->bias) * scale_of(a->weight, heads), heads);
}

}  // namespace fusion
