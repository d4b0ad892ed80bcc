#include "fusion/slot_products.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "fusion/few_rows.h"
#include "fusion/head_matmul.h"

namespace fusion {

bool cheaper_over_slots(int64_t n, const SlotShape& s) {
  // Multiplications per sample and D: n D + n m as written, h n m + m D over slots. As written they are one large
  // product of all samples and run at a better speed: below half the work the other order pays.
  return 2 * s.slots * (s.heads * n + s.dim) < n * (s.dim + s.slots);
}

namespace {

using torch::Tensor;

/// (B, h, m, k) -> (h, B m, k): a view where the memory is heads first.
Tensor rows_of_heads(const Tensor& x) { return x.transpose(0, 1).flatten(1, 2); }

constexpr int64_t kFewRows = 32;  // above, a library's product is faster

/// x (h, R, k) by heads' rows of a weight (h d_h, k) -> (h, R, d_h), each head's columns on threads of their own.
Tensor few_rows_by_head(const Tensor& x, const Tensor& weight) {
  const int64_t heads = x.size(0), rows = x.size(1), k = x.size(2), width = weight.size(0) / heads;
  Tensor out = torch::empty({heads, rows, width}, x.options());
  const auto *from = x.const_data_ptr<float>(), *by = weight.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  constexpr int64_t kGrain = 32;  // columns a thread takes at least
  at::parallel_for(0, heads * width, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end;) {
      const int64_t head = j / width, last = std::min(end, (head + 1) * width);
      multiply_few_rows({.x = from + head * x.stride(0),
                         .rows = rows,
                         .k = k,
                         .w = by + j * k,
                         .columns = last - j,
                         .out = to + head * rows * width + j % width,
                         .out_row = width});
      j = last;
    }
  });
  return out;
}

bool takes_few_rows(const Tensor& x, const Tensor& weight) {
  return x.size(1) <= kFewRows && x.device().is_cpu() && x.scalar_type() == torch::kFloat32 && x.stride(2) == 1 &&
         x.stride(1) == x.size(2) && weight.is_contiguous();
}

/// What LibTorch's bmm is, but that the matrices are parts of one weight and that their gradient is written there,
/// without a copy: by autograd's own it comes as (h, k, n), to be turned round and copied into the weight's order.
struct PerHead : torch::autograd::Function<PerHead> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        int64_t axis) {
    context->save_for_backward({x, weight});
    context->saved_data["axis"] = axis;
    const Tensor rows = rows_of_heads(x);  // (h, B m, k)
    const bool few = axis == 0 && takes_few_rows(rows, weight);
    const Tensor out = few ? few_rows_by_head(rows, weight) : torch::bmm(rows, by_head(weight, x.size(1), axis));
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

/// A linear layer whose outputs' heads stand apart: its product is one of each head, which shares a weight's numbers
/// out to threads where the rows are too few to be shared out.
struct HeadsOfLinear : torch::autograd::Function<HeadsOfLinear> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const Tensor& weight,
                        const Tensor& bias, int64_t heads) {
    context->save_for_backward({x, weight});
    const Tensor rows = x.flatten(0, 1).unsqueeze(0).expand({heads, -1, -1});  // (h, B m, k)
    const Tensor of_head = bias.view({heads, 1, -1});
    const Tensor out = takes_few_rows(rows, weight) ? few_rows_by_head(rows, weight).add_(of_head)
                                                    : torch::baddbmm(of_head, rows, PerHead::by_head(weight, heads, 0));
    return out.unflatten(1, {x.size(0), x.size(1)}).transpose(0, 1);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const Tensor rows = gradients[0].transpose(1, 2).flatten(2).flatten(0, 1);  // (B m, n)
    return {torch::mm(rows, weight).view_as(x), torch::mm(rows.t(), x.flatten(0, 1)), rows.sum(0), Tensor()};
  }
};

}  // namespace

torch::Tensor heads_of_linear(const torch::Tensor& x, const torch::nn::Linear& a, int64_t heads) {
  return HeadsOfLinear::apply(x.contiguous(), a->weight, a->bias, heads);
}

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
