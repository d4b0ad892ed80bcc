// Products of matrices that lie in memory, and the slots of samples as such matrices.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "fusion/kernel_inputs.h"
#include "fusion/matrix.h"
#include "fusion/row_blocks.h"
#include "fusion/slot_kernels.h"

namespace fusion {

/// A matrix's memory as a tensor.
template <class T>
torch::Tensor tensor_of(const Matrix<T>& x) {
  using Number = std::remove_const_t<T>;
  return at::from_blob(const_cast<Number*>(x.data), {x.rows, x.columns}, {x.row, x.column},
                       at::TensorOptions(c10::CppTypeToScalarType<Number>::value));
}

/// Consecutive rows of (N, columns).
template <class T>
Matrix<T> rows_of(const torch::Tensor& x, int64_t begin, int64_t end, int64_t columns) {
  return {data_of<T>(x) + begin * columns, end - begin, columns};
}

/// Whether a sample's slots, of (h, B, d_p, D), are one matrix (h d_p, D) in memory.
inline bool are_matrices(const torch::Tensor& slots) {
  return slots.stride(0) == slots.size(2) * slots.stride(2) && (slots.stride(2) == 1 || slots.stride(3) == 1);
}

/// One sample's slots of (h, B, d_p, D), which stand in this order or are_matrices.
template <class T>
class SampleSlots {
 public:
  SampleSlots(const torch::Tensor& slots, int64_t sample)
      : slots_(slots), data_(data_of<T>(slots) + sample * slots.stride(1)) {}

  /// As one matrix: in place where there is such a matrix, else copied to `room`.
  Matrix<T> gather(T* room) const {
    const int64_t heads = slots_.size(0), d_p = slots_.size(2), dim = slots_.size(3);
    if (are_matrices(slots_)) return {data_, heads * d_p, dim, slots_.stride(2), slots_.stride(3)};
    for (int64_t i = 0; i < heads; ++i) std::copy_n(data_ + i * slots_.stride(0), d_p * dim, room + i * d_p * dim);
    return {room, heads * d_p, dim};
  }

  /// Numbers of memory that `gather` wants.
  int64_t room() const { return are_matrices(slots_) ? 0 : slots_.size(0) * slots_.size(2) * slots_.size(3); }

  /// The reverse, for slots that stand in this order.
  void scatter(const T* from) const {
    const int64_t heads = slots_.size(0), of_head = slots_.size(2) * slots_.size(3);
    for (int64_t i = 0; i < heads; ++i) std::copy_n(from + i * of_head, of_head, data_ + i * slots_.stride(0));
  }

 private:
  const torch::Tensor& slots_;
  T* data_;
};

/// (B, h, m, k) in that order in memory or as a view -> (h, B, m, k) contiguous.
inline torch::Tensor heads_first(const torch::Tensor& x) { return x.transpose(0, 1).contiguous(); }

/// c = a b. Within a thread of at::parallel_for it is that thread's work alone.
template <class A, class B, class C>
void multiply(const Matrix<A>& a, const Matrix<B>& b, const Matrix<C>& c) {
  torch::Tensor out = tensor_of(c);
  at::mm_out(out, tensor_of(a), tensor_of(b));
}

/// c += a b.
template <class A, class B, class C>
void multiply_add(const Matrix<A>& a, const Matrix<B>& b, const Matrix<C>& c) {
  tensor_of(c).addmm_(tensor_of(a), tensor_of(b));
}

/// c += a b, or = where it `adds` not.
template <class A, class B, class C>
void multiply_to(bool adds, const Matrix<A>& a, const Matrix<B>& b, const Matrix<C>& c) {
  adds ? multiply_add(a, b, c) : multiply(a, b, c);
}

/// Adds all `parts`, of `numbers` each, to `to`, in their order, shared out to threads.
template <class T>
void add_up(const std::vector<const T*>& parts, int64_t numbers, T* to) {
  constexpr int64_t kGrain = 1 << 14;  // numbers that a thread takes at least
  if (parts.empty()) return;
  at::parallel_for(0, numbers, kGrain, [&](int64_t begin, int64_t end) {
    for (const T* part : parts) add_scaled(part + begin, T(1), end - begin, to + begin);
  });
}

/// What each part of a sample makes of its slots (h d_p, D), to be summed up in `total`, (h, B, d_p, D) contiguous. Of
/// one sample the slots are one matrix, and its first part's sum stands in `total` itself.
template <class T>
class PartSums {
 public:
  PartSums() = default;
  PartSums(const torch::Tensor& total, const RowParts& parts)
      : total_(data_of<T>(total)),
        numbers_(total.size(0) * total.size(2) * total.size(3)),
        in_place_(total.size(1) == 1) {
    others_ = torch::empty({parts.count() - in_place_, numbers_}, total.options());
  }

  /// Of part i, (h d_p, D).
  T* of(int64_t i) const { return in_place_ && i == 0 ? total_ : data_of<T>(others_) + (i - in_place_) * numbers_; }

  bool first_is_in_total() const { return in_place_; }

 private:
  T* total_ = nullptr;
  int64_t numbers_ = 0;
  bool in_place_ = false;
  torch::Tensor others_;
};

}  // namespace fusion
