#include "fusion/restore_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "fusion/cuda/slot_rows_cuda.h"
#include "fusion/dropout.h"
#include "fusion/slot_kernels.h"
#include "fusion/slot_matrices.h"
#include "fusion/stored_rows.h"

namespace fusion {
namespace {

using torch::Tensor;

/// What forward leaves for backward.
struct Saved {
  Tensor projected;  // (B, n, m)
  Tensor bias;
  Tensor slots;  // (h, B, d_p, D), as SampleSlots reads them
  Tensor lengths;
  DropoutMask mask;

  int64_t n() const { return projected.size(1); }
  int64_t dim() const { return slots.size(3); }
  SlotGroups groups() const { return {slots.size(0), slots.size(2)}; }
  int64_t m() const { return groups().columns(); }
  RowParts parts() const { return share_out_rows(lengths, projected.size(0), n()); }

  /// W' of the rows from `begin` on; `mask` may be another than the layer's.
  template <class T>
  void weights(int64_t begin, int64_t rows, const DropoutMask& with, T* to) const {
    slots_forward(data_of<T>(projected) + begin * m(), data_of<T>(bias), to, rows, groups(), block_mask(begin, with));
  }

  BlockMask block_mask(int64_t begin, const DropoutMask& with) const {
    return {with, static_cast<uint32_t>(begin * m()), m()};
  }
};

/// to = bias + w slots, in each row.
template <class T>
void restore(const Matrix<T>& w, const Matrix<T>& slots, const T* bias, const Matrix<T>& to) {
  if (bias == nullptr) return multiply(w, slots, to);
  for (int64_t row = 0; row < to.rows; ++row) std::copy_n(bias, to.columns, to.data + row * to.row);
  multiply_add(w, slots, to);
}

template <class T>
class Forward {
 public:
  /// Writes `out`, (B, n, D).
  Forward(const Saved& saved, const Tensor& out_bias, const Tensor& out)
      : saved_(saved), parts_(saved.parts()), bias_(out_bias.defined() ? data_of<T>(out_bias) : nullptr), out_(out) {}

  void run() {
    if (parts_.splits && is_one_block(saved_.n())) return by_columns();
    by_rows();
  }

 private:
  void by_rows() {
    const int64_t m = saved_.m();
    at::parallel_for(0, parts_.count(), 1, [&](int64_t first, int64_t last) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const auto weights = room_for<T>(parts_.block_rows * m), out_room = room_for<T>(out_.room(parts_.block_rows)),
                 room = room_for<T>(SampleSlots<T>(saved_.slots, 0).room());
      for (int64_t i = first; i < last; ++i) {
        const RowPart& part = parts_.parts[static_cast<size_t>(i)];
        const Matrix<T> slots = SampleSlots<T>(saved_.slots, part.sample).gather(room.get());
        for_each_block(part, [&](int64_t begin, int64_t end) {
          const Matrix<T> w{weights.get(), end - begin, m};
          saved_.weights(begin, w.rows, saved_.mask, w.data);
          out_.write(begin, end, out_room.get(), [&](const Matrix<T>& to) { restore(w, slots, bias_, to); });
        });
      }
    });
  }

  /// Of few short sequences: the weights of all positions first, then each thread some columns, those of the slots that
  /// it is likely to have made itself.
  void by_columns() {
    const int64_t m = saved_.m(), dim = saved_.dim(), n = saved_.n();
    const Tensor weights = torch::empty_like(saved_.projected);
    at::parallel_for(0, parts_.count(), 1, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const RowPart& part = parts_.parts[static_cast<size_t>(i)];
        saved_.weights(part.begin, part.end - part.begin, saved_.mask, data_of<T>(weights) + part.begin * m);
      }
    });
    for (int64_t b = 0; b < saved_.slots.size(1); ++b) {
      const int64_t begin = b * n, end = begin + real_rows(saved_.lengths, b, n);
      const auto room = room_for<T>(SampleSlots<T>(saved_.slots, 0).room()),
                 out_room = room_for<T>(out_.room(end - begin));
      const Matrix<T> slots = SampleSlots<T>(saved_.slots, b).gather(room.get()),
                      w = rows_of<T>(weights, begin, end, m);
      out_.write(begin, end, out_room.get(), [&](const Matrix<T>& to) {
        at::parallel_for(0, dim, 64, [&](int64_t first, int64_t last) {
          const torch::NoGradGuard no_gradients;  // each thread has its own
          const int64_t columns = last - first;
          restore(w, slots.some_columns(first, columns), bias_ == nullptr ? bias_ : bias_ + first,
                  to.some_columns(first, columns));
        });
      });
    }
  }

  const Saved& saved_;
  RowParts parts_;
  const T* bias_;
  StoredRows<T> out_;
};

template <class T>
class Backward {
 public:
  Backward(const Saved& saved, const Tensor& of_out, bool adds_bias)
      : saved_(saved), of_out_(of_out), parts_(saved.parts()) {
    const auto options = saved.projected.options();
    of_projected = saved.lengths.defined() ? torch::zeros_like(saved.projected) : torch::empty_like(saved.projected);
    shared_ = parts_.splits;
    of_slots = torch::empty(saved.slots.sizes(), options);
    if (shared_) partial_ = PartSums<T>(of_slots, parts_);
    const int64_t threads = at::get_num_threads();
    of_bias = torch::zeros({threads, saved.m()}, options);
    if (adds_bias) of_out_bias = torch::zeros({threads, saved.dim()}, options);
  }

  void run() {
    at::parallel_for(0, parts_.count(), 1, [&](int64_t begin, int64_t end) {
      const torch::NoGradGuard no_gradients;  // each thread has its own
      const int64_t gathered = SampleSlots<T>(saved_.slots, 0).room(), summed = shared_ ? 0 : saved_.m() * saved_.dim();
      const auto scratch =
          room_for<T>(parts_.block_rows * saved_.m() + gathered + summed + of_out_.room(parts_.block_rows));
      for (int64_t i = begin; i < end; ++i) take(i, scratch.get());
    });
    of_bias = of_bias.sum(0);
    if (of_out_bias.defined()) of_out_bias = of_out_bias.sum(0);
    for (int64_t sample = 0; sample < saved_.slots.size(1); ++sample) {
      const int64_t first = parts_.first[static_cast<size_t>(sample)],
                    last = parts_.first[static_cast<size_t>(sample) + 1];
      if (shared_ || first == last) add_parts(sample, first, last);
    }
  }

  Tensor of_projected, of_bias, of_slots, of_out_bias;

 private:
  void take(int64_t i, T* scratch) {
    const RowPart& part = parts_.parts[static_cast<size_t>(i)];
    const int64_t m = saved_.m(), dim = saved_.dim();
    T* of_out_room = scratch + parts_.block_rows * m;
    T* room = of_out_room + of_out_.room(parts_.block_rows);
    const Matrix<T> slots = SampleSlots<T>(saved_.slots, part.sample).gather(room);
    const Matrix<T> sum_slots{shared_ ? partial_.of(i) : room + SampleSlots<T>(saved_.slots, 0).room(), m, dim};
    T* sum_bias = data_of<T>(of_bias) + at::get_thread_num() * m;
    for_each_block(part, [&](int64_t begin, int64_t end) {
      const int64_t rows = end - begin;
      const Matrix<T> w{scratch, rows, m}, gradient{data_of<T>(of_projected) + begin * m, rows, m};
      const Matrix<T> of_out = of_out_.read(begin, end, of_out_room);
      saved_.weights(begin, rows, DropoutMask{}, w.data);
      multiply(of_out, slots.t(), gradient);
      slots_backward(w.data, gradient.data, rows, saved_.groups(), saved_.block_mask(begin, saved_.mask));
      multiply_to(begin != part.begin, w.t(), of_out, sum_slots);
      if (of_out_bias.defined()) add_rows(of_out.data, rows, dim, data_of<T>(of_out_bias) + at::get_thread_num() * dim);
      add_rows(gradient.data, rows, m, sum_bias);
    });
    if (!shared_) SampleSlots<T>(of_slots, part.sample).scatter(sum_slots.data);
  }

  /// A sample's gradient of slots from those of its parts `first` to `last`; none of them: zeros.
  void add_parts(int64_t sample, int64_t first, int64_t last) {
    const int64_t heads = of_slots.size(0), of_head = of_slots.size(2) * saved_.dim();
    for (int64_t head = 0; head < heads; ++head) {
      T* to = data_of<T>(of_slots) + (head * of_slots.size(1) + sample) * of_head;
      const bool holds_first = first < last && partial_.first_is_in_total();
      if (!holds_first) std::fill_n(to, of_head, T(0));
      std::vector<const T*> parts;
      for (int64_t i = first + holds_first; i < last; ++i) parts.push_back(partial_.of(i) + head * of_head);
      add_up(parts, of_head, to);
    }
  }

  static void add_rows(const T* matrix, int64_t rows, int64_t columns, T* sum) {
    for (int64_t row = 0; row < rows; ++row) add_scaled(matrix + row * columns, T(1), columns, sum);
  }

  const Saved& saved_;
  StoredRows<T> of_out_;
  RowParts parts_;
  bool shared_ = false;  // a sample's parts are summed up afterwards
  PartSums<T> partial_;  // then
};

/// (B, h, d_p, D) -> (h, B, d_p, D) that SampleSlots reads: a view where it can be.
Tensor readable(const Tensor& slots) {
  const Tensor given = slots.transpose(0, 1);
  return given.is_contiguous() || are_matrices(given) ? given : given.contiguous();
}

/// -> (B, n, D) of `type`.
Tensor forward_rows(const Saved& saved, const Tensor& out_bias, at::ScalarType type) {
  const auto options = saved.projected.options().dtype(type);
  const std::vector<int64_t> sizes{saved.projected.size(0), saved.n(), saved.dim()};
  Tensor out = saved.lengths.defined() ? torch::zeros(sizes, options) : torch::empty(sizes, options);
  AT_DISPATCH_FLOATING_TYPES(saved.projected.scalar_type(), "restore_rows",
                             [&] { Forward<scalar_t>(saved, out_bias, out).run(); });
  return out;
}

struct RestoreRows : torch::autograd::Function<RestoreRows> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& projected, const Tensor& bias,
                        const Tensor& given_slots, const std::optional<Tensor>& out_bias,
                        const std::optional<Tensor>& given_lengths, double p, at::ScalarType type) {
    const Tensor slots = readable(given_slots), lengths = given_lengths.value_or(Tensor());
    context->save_for_backward({projected, bias, slots, lengths});
    const Saved saved{projected, bias, slots, lengths, draw_dropout_mask(p)};
    save_mask(*context, saved.mask);
    context->saved_data["adds_bias"] = out_bias.has_value();
    return forward_rows(saved, out_bias.value_or(Tensor()), type);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto kept = context->get_saved_variables();
    const Saved saved{kept[0], kept[1], kept[2], kept[3], saved_mask(*context)};
    const Tensor of_out = gradients[0].contiguous();
    torch::autograd::variable_list of_inputs(7);
    AT_DISPATCH_FLOATING_TYPES(saved.projected.scalar_type(), "restore_rows", [&] {
      Backward<scalar_t> backward(saved, of_out, context->saved_data["adds_bias"].toBool());
      backward.run();
      of_inputs[0] = backward.of_projected, of_inputs[1] = backward.of_bias;
      of_inputs[2] = backward.of_slots.transpose(0, 1), of_inputs[3] = backward.of_out_bias;
    });
    return of_inputs;
  }
};

/// Throws c10::Error for what would be read beyond its end.
void require_shapes(const RestoreInputs& inputs) {
  const Tensor &projected = inputs.projected, &slots = inputs.slots;
  const int64_t m = inputs.bias.numel();
  TORCH_CHECK(projected.dim() == 3 && slots.dim() == 4 && slots.size(0) == projected.size(0),
              "projected (B, n, p), slots (B, h, d_p, D)");
  TORCH_CHECK(m == slots.size(1) * slots.size(2) && m <= projected.size(2) &&
                  (!inputs.out_bias.defined() || inputs.out_bias.numel() == slots.size(3)),
              "bias (h d_p), no more than p; out_bias (D)");
  require_lengths(projected, inputs.lengths);
}

}  // namespace

Tensor restore_rows(const RestoreInputs& inputs) {
  require_shapes(inputs);
  if (const auto restored = restore_rows_cuda(inputs)) return *restored;
  if (!takes_floats(inputs.projected)) return restore_rows_by_definition(inputs);
  const Tensor& projected = inputs.projected;
  require_like(projected, {inputs.bias, inputs.slots}, inputs.lengths);
  if (inputs.out_bias.defined()) require_like(projected, {inputs.out_bias}, {});
  const int64_t m = inputs.bias.numel(), others = projected.size(2) - m;
  const auto type = projected.scalar_type();
  const auto wide = [&](const Tensor& given) { return given.to(wide_type(projected)); };
  const Tensor logits = wide(others == 0 ? projected : projected.narrow(2, others, m)).contiguous();  // (B, n, m)
  const Tensor bias = wide(inputs.bias).contiguous(), slots = wide(inputs.slots),
               out_bias = inputs.out_bias.defined() ? wide(inputs.out_bias).contiguous() : Tensor();
  if (!torch::GradMode::is_enabled())
    return forward_rows({logits, bias, readable(slots), inputs.lengths, draw_dropout_mask(inputs.dropout)}, out_bias,
                        type);
  return RestoreRows::apply(logits, bias, slots, if_defined(out_bias), if_defined(inputs.lengths), inputs.dropout,
                            type);
}

Tensor restore_rows_by_definition(const RestoreInputs& inputs) {
  const int64_t heads = inputs.slots.size(1), d_p = inputs.slots.size(2), m = heads * d_p;
  const Tensor logits = inputs.projected.narrow(-1, inputs.projected.size(-1) - m, m) + inputs.bias;  // (B, n, m)
  const Tensor w = hashed_dropout(logits.unflatten(-1, {heads, d_p}).softmax(-1), inputs.dropout, inputs.dropout > 0);
  Tensor out = torch::bmm(w.flatten(2), inputs.slots.flatten(1, 2));  // (B, n, D)
  if (inputs.out_bias.defined()) out = out + inputs.out_bias;
  if (!inputs.lengths.defined()) return out;
  const Tensor positions = torch::arange(out.size(1), inputs.lengths.options());
  return out.masked_fill((positions.unsqueeze(0) >= inputs.lengths.unsqueeze(1)).unsqueeze(-1), 0);
}

}  // namespace fusion
