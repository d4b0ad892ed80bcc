// compress_rows's passes out of the kernels' bodies, and their autograd function.
#pragma once

#include "fusion/compress_rows.h"
#include "fusion/cuda/compress_backward.h"
#include "fusion/cuda/compress_forward.h"
#include "fusion/cuda/passes.h"
#include "fusion/dropout.h"
#include "fusion/kernel_inputs.h"

namespace fusion::cuda {

inline RowShape shape_of(const CompressInputs& in) {
  return {.batch = static_cast<int>(in.x.size(0)),
          .n = static_cast<int>(in.x.size(1)),
          .dim = static_cast<int>(in.x.size(2)),
          .heads = static_cast<int>(in.queries.size(1)),
          .d_p = static_cast<int>(in.queries.size(2)),
          .r = static_cast<int>(in.queries.size(3)),
          .columns = static_cast<int>(in.weight.size(0)),
          .lengths = lengths_of(in.lengths)};
}

/// What the forward pass gives and keeps. Statistics are float whatever X is.
struct CompressForward {
  torch::Tensor mixed, row_sums, projected, softmaxes;  // (B, h, d_p, D), (B, h, d_p, 1), (B, n, p), (B, m, 2)
};

/// Of contiguous inputs.
template <class Device, class T>
CompressForward compress_forward(const CompressInputs& in, const DropoutMask& mask) {
  const RowShape s = shape_of(in);
  const auto floats = in_float(in.x);
  CompressForward to;
  if (in.lengths.defined()) {
    to.projected = torch::empty({s.batch, s.n, s.columns}, in.x.options());
    Device::launch(ProjectRows<T>{s, data_of<T>(in.x), data_of<T>(in.weight), data_of<T>(to.projected)});
  } else {
    to.projected = torch::matmul(in.x, in.weight.t());  // nothing to leave out: a plain product, of which BLAS is made
  }
  to.row_sums = torch::empty({s.batch, s.heads, s.d_p, 1}, floats);
  to.softmaxes = torch::empty({s.batch, s.m(), 2}, floats);  // SlotSoftmax
  Device::launch(SlotStatistics<T>{s, data_of<T>(to.projected), data_of<T>(in.queries), mask,
                                   data_of<SlotSoftmax>(to.softmaxes), data_of<float>(to.row_sums)});
  to.mixed = torch::empty({s.batch, s.heads, s.d_p, s.dim}, in.x.options());
  MixRows<T> mix{.s = s,
                 .x = data_of<T>(in.x),
                 .projected = data_of<T>(to.projected),
                 .queries = data_of<T>(in.queries),
                 .softmaxes = data_of<SlotSoftmax>(to.softmaxes),
                 .mask = mask,
                 .splits = splits_for<Device>(s.batch * MixRows<T>::tiles_of(s), s.n / kTileRows),
                 .mixed = data_of<T>(to.mixed),
                 .partial = nullptr};
  torch::Tensor partial;
  if (mix.splits > 1) {
    partial = torch::empty({mix.splits, s.batch, s.heads, s.d_p, s.dim}, floats);
    mix.partial = data_of<float>(partial);
  }
  Device::launch(mix);
  if (mix.splits > 1) to.mixed = partial.sum(0).to(in.x.scalar_type());
  return to;
}

struct CompressGradients {
  torch::Tensor mixed, row_sums, projected;
};

/// The gradients of x, queries and weight.
template <class Device, class T>
torch::autograd::variable_list compress_backward(const CompressInputs& in, const CompressForward& kept,
                                                 const CompressGradients& of, const DropoutMask& mask) {
  const RowShape s = shape_of(in);
  const auto floats = in_float(in.x);
  const torch::Tensor mean = (kept.mixed.to(torch::kFloat32) * of.mixed.to(torch::kFloat32)).sum(-1, true) +
                             kept.row_sums * of.row_sums.to(torch::kFloat32);  // (B, h, d_p, 1)
  const CompressSaved<T> saved{.s = s,
                               .mask = mask,
                               .x = data_of<T>(in.x),
                               .queries = data_of<T>(in.queries),
                               .weight = data_of<T>(in.weight),
                               .projected = data_of<T>(kept.projected),
                               .softmaxes = data_of<SlotSoftmax>(kept.softmaxes),
                               .mean = data_of<float>(mean),
                               .of_mixed = data_of<T>(of.mixed),
                               .of_row_sums = data_of<T>(of.row_sums),
                               .of_projected = data_of<T>(of.projected)};
  const torch::Tensor of_columns = torch::empty_like(kept.projected);
  const torch::Tensor of_queries = torch::empty({s.batch, tiles(s.n, kTileRows), s.heads, s.d_p, s.r}, floats);
  Device::launch(ScoresBackward<T>{saved, data_of<T>(of_columns), data_of<float>(of_queries)});
  const torch::Tensor of_x = torch::empty_like(in.x);
  Device::launch(RowsBackward<T>{saved, data_of<T>(of_columns), data_of<T>(of_x)});
  torch::Tensor of_weight;
  if (in.lengths.defined()) {
    const int splits = splits_for<Device>(WeightBackward<T>::tiles_of(s), s.batch);
    of_weight = torch::empty({splits, s.columns, s.dim}, floats);
    Device::launch(WeightBackward<T>{saved, data_of<T>(of_columns), splits, data_of<float>(of_weight)});
    of_weight = of_weight.sum(0).to(in.x.scalar_type());
  } else {
    of_weight = torch::mm(of_columns.flatten(0, 1).t(), in.x.flatten(0, 1));
  }
  return {of_x, of_queries.sum(1).to(in.x.scalar_type()), of_weight};
}

template <class Device>
struct CompressRowsOn : torch::autograd::Function<CompressRowsOn<Device>> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                                                const torch::Tensor& queries, const torch::Tensor& weight,
                                                const std::optional<torch::Tensor>& bias,
                                                const std::optional<torch::Tensor>& lengths, double p) {
    const c10::DeviceGuard guard(x.device());
    const CompressInputs in{x, lengths.value_or(torch::Tensor()), queries, weight};
    context->saved_data["biases"] = bias ? bias->numel() : 0;
    const DropoutMask mask = draw_dropout_mask(p);
    const CompressForward to =
        with_type(x, [&](auto number) { return compress_forward<Device, decltype(number)>(in, mask); });
    context->save_for_backward({x, queries, weight, in.lengths, to.mixed, to.row_sums, to.projected, to.softmaxes});
    save_mask(*context, mask);
    return {to.mixed, to.row_sums.to(x.scalar_type()), to.projected};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const c10::DeviceGuard guard(saved[0].device());
    const CompressInputs in{saved[0], saved[3], saved[1], saved[2]};
    const CompressForward kept{saved[4], saved[5], saved[6], saved[7]};
    const CompressGradients of{given(gradients[0], kept.mixed),
                               given(gradients[1], kept.row_sums).to(in.x.scalar_type()),
                               given(gradients[2], kept.projected)};
    const DropoutMask mask = saved_mask(*context);
    auto of_inputs =
        with_type(in.x, [&](auto number) { return compress_backward<Device, decltype(number)>(in, kept, of, mask); });
    const int64_t biases = context->saved_data["biases"].toInt();
    of_inputs.push_back(biases > 0 ? torch::zeros({biases}, in.x.options()) : torch::Tensor());
    of_inputs.resize(6);
    return of_inputs;
  }
};

/// compress_rows by kernels on a Device: `weight` of the functions above is that of the inputs with `beside` below it.
template <class Device>
std::optional<Compressed> compress_rows_on(const CompressInputs& in) {
  const bool has_beside = in.beside.defined();
  if (!one_type({in.x, in.queries, in.weight, has_beside ? in.beside : in.weight}) || in.queries.size(2) > kMostSlots ||
      in.queries.size(3) > kMostR)
    return std::nullopt;
  const torch::Tensor weight = has_beside ? torch::cat({in.weight, in.beside}) : in.weight;
  const auto outputs = CompressRowsOn<Device>::apply(in.x.contiguous(), in.queries.contiguous(), weight.contiguous(),
                                                     if_defined(in.bias), if_defined(in.lengths), in.dropout);
  return Compressed{outputs[0], outputs[1], outputs[2]};
}

}  // namespace fusion::cuda
