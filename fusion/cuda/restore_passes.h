// restore_rows's passes out of the kernels' bodies, and their autograd function.
#pragma once

#include "fusion/cuda/passes.h"
#include "fusion/cuda/restore_backward.h"
#include "fusion/cuda/restore_forward.h"
#include "fusion/dropout.h"
#include "fusion/kernel_inputs.h"
#include "fusion/restore_rows.h"

namespace fusion::cuda {

template <class T>
RestoreInput<T> restore_input(const RestoreInputs& in, const DropoutMask& mask) {
  return {.s = {.batch = static_cast<int>(in.projected.size(0)),
                .n = static_cast<int>(in.projected.size(1)),
                .dim = static_cast<int>(in.slots.size(3)),
                .heads = static_cast<int>(in.slots.size(1)),
                .d_p = static_cast<int>(in.slots.size(2)),
                .r = 0,
                .columns = static_cast<int>(in.projected.size(2)),
                .lengths = lengths_of(in.lengths)},
          .mask = mask,
          .projected = data_of<T>(in.projected),
          .bias = data_of<T>(in.bias),
          .slots = data_of<T>(in.slots)};
}

/// Of contiguous inputs.
template <class Device, class T>
torch::Tensor restore_forward(const RestoreInputs& in, const DropoutMask& mask) {
  const RestoreInput<T> rows = restore_input<T>(in, mask);
  const torch::Tensor out = torch::empty({rows.s.batch, rows.s.n, rows.s.dim}, in.projected.options());
  Device::launch(RestoreRowsForward<T>{rows, data_of<T>(in.out_bias), data_of<T>(out)});
  return out;
}

/// The gradients of projected, bias, slots and out_bias; the inputs' own out_bias is not read.
template <class Device, class T>
torch::autograd::variable_list restore_backward(const RestoreInputs& in, const torch::Tensor& of_out,
                                                const DropoutMask& mask) {
  const RestoreInput<T> rows = restore_input<T>(in, mask);
  const RowShape& s = rows.s;
  const auto floats = in_float(of_out);
  const auto type = of_out.scalar_type();
  const torch::Tensor of_projected = torch::zeros_like(in.projected);
  const torch::Tensor of_bias = torch::empty({s.batch, tiles(s.n, kTileRows), s.m()}, floats);
  Device::launch(LogitsBackward<T>{rows, data_of<T>(of_out), data_of<T>(of_projected), data_of<float>(of_bias)});
  const int splits = splits_for<Device>(s.batch * SlotsBackward<T>::tiles_of(s), s.n / kTileRows);
  const torch::Tensor of_slots = torch::empty({splits, s.batch, s.heads, s.d_p, s.dim}, floats);
  const torch::Tensor of_out_bias = torch::empty({splits, s.batch, s.dim}, floats);
  Device::launch(
      SlotsBackward<T>{rows, data_of<T>(of_out), splits, data_of<float>(of_slots), data_of<float>(of_out_bias)});
  const torch::Tensor sum = splits > 1 ? of_slots.sum(0) : of_slots[0];
  return {of_projected, of_bias.flatten(0, 1).sum(0).to(type), sum.to(type), of_out_bias.flatten(0, 1).sum(0).to(type)};
}

template <class Device>
struct RestoreRowsOn : torch::autograd::Function<RestoreRowsOn<Device>> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& projected,
                               const torch::Tensor& bias, const torch::Tensor& slots, const torch::Tensor& out_bias,
                               const std::optional<torch::Tensor>& lengths, double p) {
    const c10::DeviceGuard guard(projected.device());
    const RestoreInputs in{projected, lengths.value_or(torch::Tensor()), bias, slots, out_bias};
    const DropoutMask mask = draw_dropout_mask(p);
    context->save_for_backward({projected, bias, slots, in.lengths});
    save_mask(*context, mask);
    return with_type(projected, [&](auto number) { return restore_forward<Device, decltype(number)>(in, mask); });
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const c10::DeviceGuard guard(saved[0].device());
    const RestoreInputs in{saved[0], saved[3], saved[1], saved[2], {}};
    const DropoutMask mask = saved_mask(*context);
    const torch::Tensor of_out = gradients[0].contiguous();
    auto of_inputs =
        with_type(of_out, [&](auto number) { return restore_backward<Device, decltype(number)>(in, of_out, mask); });
    of_inputs.resize(6);
    return of_inputs;
  }
};

/// restore_rows by kernels on a Device.
template <class Device>
std::optional<torch::Tensor> restore_rows_on(const RestoreInputs& in) {
  const torch::Tensor out_bias =
      in.out_bias.defined() ? in.out_bias : torch::zeros({in.slots.size(3)}, in.slots.options());
  if (!one_type({in.projected, in.bias, in.slots, out_bias}) || in.slots.size(2) > kMostSlots) return std::nullopt;
  return RestoreRowsOn<Device>::apply(in.projected.contiguous(), in.bias.contiguous(), in.slots.contiguous(),
                                      out_bias.contiguous(), if_defined(in.lengths), in.dropout);
}

}  // namespace fusion::cuda
