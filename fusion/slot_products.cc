#include "fusion/slot_products.h"

#include "fusion/head_matmul.h"

namespace fusion {

bool cheaper_over_slots(int64_t n, const SlotShape& s) {
  // Multiplications per sample and D: n D + n m as written, h n m + m D over slots. As written they are one large
  // product of all samples and run at a better speed: below half the work the other order pays.
  return 2 * s.slots * (s.heads * n + s.dim) < n * (s.dim + s.slots);
}

torch::Tensor per_head(const torch::Tensor& x, const torch::Tensor& weights) {
  const torch::Tensor rows = x.transpose(0, 1).flatten(1, 2);  // (h, B m, k)
  return torch::bmm(rows, weights).unflatten(1, {x.size(0), x.size(2)}).transpose(0, 1);
}

torch::Tensor project_slots(const torch::Tensor& mixed, const torch::Tensor& row_sums, const torch::nn::Linear& a) {
  const int64_t heads = mixed.size(1), d_h = a->weight.size(0) / heads;
  const torch::Tensor by_head = a->weight.unflatten(0, {heads, d_h}).transpose(1, 2);  // (h, D, d_h)
  return torch::addcmul(per_head(mixed, by_head), row_sums, a->bias.view({heads, 1, d_h}));
}

torch::Tensor out_slots(const torch::Tensor& slots, const torch::nn::Linear& a) {
  const int64_t heads = slots.size(1), d_h = slots.size(3);
  return per_head(slots, a->weight.unflatten(1, {heads, d_h}).permute({1, 2, 0}));  // by (h, d_h, D)
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
