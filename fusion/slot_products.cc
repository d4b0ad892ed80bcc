#include "fusion/slot_products.h"

#include "fusion/head_matmul.h"

namespace fusion {

bool cheaper_over_slots(int64_t n, const SlotShape& s) {
  // Multiplications per sample and D: n D + n m as written, h n m + m D over slots. As written they are one large
  // product of all samples and run at a better speed: below half the work the other order pays.
  return 2 * s.slots * (s.heads * n + s.dim) < n * (s.dim + s.slots);
}

namespace {

using torch::Tensor;

/// What LibTorch's bmm is, but that the matrices are parts of one weight and that their gradient is written there,
/// without a copy: by autograd's own it comes as (h, k, n), to be turned round and copied into the weight's order.
struct PerHead : torch::autograd::Function<PerHead> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        int64_t axis) {
    context->save_for_backward({x, weight});
    context->saved_data["axis"] = axis;
    const Tensor out = torch::bmm(rows_of_heads(x), by_head(weight, x.size(1), axis));
    return out.unflatten(1, {x.size(0), x.size(2)}).transpose(0, 1);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const int64_t heads = x.size(1), axis = context->saved_data["axis"].toInt();
    const Tensor rows = rows_of_heads(gradients[0]);  // (h, B m, n)
    const Tensor of_x = torch::bmm(rows, by_head(weight, heads, axis).transpose(1, 2));
    Tensor of_weight;
    if (context->needs_input_grad(1)) {
      of_weight = torch::empty_like(weight);
      Tensor of_heads = by_head(of_weight, heads, axis).transpose(1, 2);  // (h, n, k)
      at::bmm_out(of_heads, rows.transpose(1, 2), rows_of_heads(x));
    }
    return {of_x.unflatten(1, {x.size(0), x.size(2)}).transpose(0, 1), of_weight, Tensor()};
  }

  /// (h, k, n): what each head's rows are multiplied by, from its rows (axis 0) or columns (axis 1) of a weight (n, k).
  static Tensor by_head(const Tensor& weight, int64_t heads, int64_t axis) {
    const Tensor split = weight.unflatten(axis, {heads, weight.size(axis) / heads});
    return axis == 0 ? split.transpose(1, 2) : split.permute({1, 2, 0});
  }
};

}  // namespace

torch::Tensor per_head(const torch::Tensor& x, const torch::Tensor& weights) {
  return torch::bmm(rows_of_heads(x), weights).unflatten(1, {x.size(0), x.size(2)}).transpose(0, 1);
}

torch::Tensor project_slots(const torch::Tensor& mixed, const torch::Tensor& row_sums, const torch::nn::Linear& a) {
  const torch::Tensor bias = a->bias.view({mixed.size(1), 1, -1});      // (h, 1, d_h)
  const torch::Tensor projected = PerHead::apply(mixed, a->weight, 0);  // (B, h, m, d_h)
  return row_sums.defined() ? torch::addcmul(projected, row_sums, bias) : projected + bias;
}

torch::Tensor out_slots(const torch::Tensor& slots, const torch::nn::Linear& a) {
  return PerHead::apply(slots, a->weight, 1);
}

torch::Tensor restore_slots(const torch::Tensor& w, const torch::Tensor& slots, const torch::nn::Linear& a,
                            bool over_slots) {
  if (!over_slots) {
    const torch::Tensor heads = head_matmul(w.transpose(1, 2), slots, HeadOrder::kRowsFirst);  // (B, h, n, d_h)
    return torch::linear(concat_heads(heads), a->weight, a->bias);
  }
  return torch::baddbmm(a->bias, w.flatten(2), out_slots(slots, a).flatten(1, 2));  // (B, n, D)
}

}  // namespace fusion
