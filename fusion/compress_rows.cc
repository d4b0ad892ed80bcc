#include "fusion/compress_rows.h"

#include "fusion/compress_passes.h"
#include "fusion/cuda/slot_rows_cuda.h"
#include "fusion/dropout.h"
#include "fusion/sequence.h"

namespace fusion {
namespace {

using torch::Tensor;

struct CompressRows : torch::autograd::Function<CompressRows> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const Tensor& x,
                                                const Tensor& queries, const Tensor& weight,
                                                const std::optional<Tensor>& bias, const Tensor& beside,
                                                const std::optional<Tensor>& given_lengths, double p) {
    const Tensor lengths = given_lengths.value_or(Tensor());
    const DropoutMask mask = draw_dropout_mask(p);
    const auto [to, kept] = compress_forward({x, queries, weight, beside}, lengths, mask);
    context->save_for_backward(
        {x, queries, weight, beside, kept.keys, kept.most, kept.inverse, kept.mixed, kept.row_sums, lengths});
    context->saved_data["biased"] = bias.has_value();
    save_mask(*context, mask);
    return {to.mixed, to.row_sums, to.projected};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const CompressGiven given{saved[0], saved[1], saved[2], saved[3]};
    const CompressKept kept{saved[4], saved[5], saved[6], saved[7], saved[8]};
    const CompressedGradients of{heads_first(gradients[0]), gradients[1].contiguous(), gradients[2].contiguous()};
    const CompressGradients to = compress_backward(given, kept, of, saved[9], saved_mask(*context));
    const bool biased = context->saved_data["biased"].toBool();
    const Tensor of_bias = biased ? torch::zeros({given.weight.size(0)}, given.x.options()) : Tensor();
    return {to.x, to.queries, to.weight, of_bias, to.beside, Tensor(), Tensor()};
  }
};

/// Throws c10::Error for what would be read beyond its end.
void require_shapes(const CompressInputs& inputs) {
  const Tensor &x = inputs.x, &queries = inputs.queries, &weight = inputs.weight, &beside = inputs.beside;
  TORCH_CHECK(x.dim() == 3 && queries.dim() == 4 && queries.size(0) == x.size(0),
              "x (B, n, D), queries (B, h, d_p, r)");
  const int64_t keys = queries.size(1) * queries.size(3);
  TORCH_CHECK(weight.dim() == 2 && weight.size(1) == x.size(2) && weight.size(0) == keys, "weight (h r, D)");
  TORCH_CHECK(!inputs.bias.defined() || inputs.bias.numel() == keys, "bias (h r)");
  TORCH_CHECK(!beside.defined() || (beside.dim() == 2 && beside.size(1) == x.size(2)), "beside (p, D)");
  require_lengths(x, inputs.lengths);
}

}  // namespace

Compressed compress_rows(const CompressInputs& inputs) {
  require_shapes(inputs);
  if (const auto compressed = compress_rows_cuda(inputs)) return *compressed;
  if (!takes_floats(inputs.x)) return compress_rows_by_definition(inputs);
  const Tensor &x = inputs.x, &bias = inputs.bias;
  const Tensor beside = inputs.beside.defined() ? inputs.beside : x.new_empty({0, x.size(2)});
  require_like(x, {inputs.queries, inputs.weight, beside}, inputs.lengths);
  const auto wide = [&](const Tensor& given) { return given.to(wide_type(x)).contiguous(); };
  const CompressGiven given{x.contiguous(), wide(inputs.queries), wide(inputs.weight), wide(beside)};
  Compressed found;
  if (torch::GradMode::is_enabled()) {
    const auto outputs = CompressRows::apply(given.x, given.queries, given.weight, if_defined(bias), given.beside,
                                             if_defined(inputs.lengths), inputs.dropout);
    found = {outputs[0], outputs[1], outputs[2]};
  } else {
    found = compress_forward(given, inputs.lengths, draw_dropout_mask(inputs.dropout)).compressed;
  }
  const auto type = x.scalar_type();
  return {found.mixed.to(type), found.row_sums.to(type), found.projected.to(type)};
}

Compressed compress_rows_by_definition(const CompressInputs& inputs) {
  const int64_t heads = inputs.queries.size(1), d_p = inputs.queries.size(2), r = inputs.queries.size(3);
  Tensor x = inputs.x, padding;
  if (inputs.lengths.defined()) {
    padding = torch::arange(x.size(1), inputs.lengths.options()).unsqueeze(0) >= inputs.lengths.unsqueeze(1);  // (B, n)
    x = x.masked_fill(padding.unsqueeze(-1), 0);
  }
  const Tensor keys =
      torch::linear(x, inputs.weight, inputs.bias).unflatten(-1, {heads, r}).permute({0, 2, 3, 1});  // (B, h, r, n)
  const Tensor projected =
      inputs.beside.defined() ? torch::matmul(x, inputs.beside.t()) : x.new_empty({x.size(0), x.size(1), 0});
  Tensor w =
      mask_scores(torch::matmul(inputs.queries, keys), padding.defined() ? padding.unsqueeze(1).unsqueeze(1) : padding)
          .softmax(-1);  // (B, h, d_p, n)
  if (padding.defined()) w = w.masked_fill(padding.unsqueeze(1).unsqueeze(1), 0);
  // Dropout's mask goes by position, so that it is that of compress_rows.
  w = hashed_dropout(w.flatten(1, 2).transpose(1, 2).contiguous(), inputs.dropout, inputs.dropout > 0).transpose(1, 2);
  const Tensor mixed = torch::bmm(w, x);  // (B, m, D)
  return {mixed.unflatten(1, {heads, d_p}), w.sum(-1, true).unflatten(1, {heads, d_p}), projected};
}

}  // namespace fusion
