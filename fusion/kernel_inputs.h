// What kernels that read memory as it is ask of tensors, and how they come by their numbers.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <optional>

namespace fusion {

/// Whether kernels over rows of ours take such a tensor.
inline bool takes_rows(const torch::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kFloat64);
}

/// Likewise of kernels that take bfloat16 too and compute in wide_type.
inline bool takes_floats(const torch::Tensor& x) {
  return takes_rows(x) || (x.device().is_cpu() && x.scalar_type() == torch::kBFloat16);
}

/// What they compute in.
inline at::ScalarType wide_type(const torch::Tensor& x) {
  return x.scalar_type() == torch::kBFloat16 ? torch::kFloat32 : x.scalar_type();
}

/// For kernels that read memory as it is. Throws c10::Error where `lengths`, which may be undefined, is not (B) int64
/// on the device of `x`.
inline void require_lengths(const torch::Tensor& x, const torch::Tensor& lengths) {
  TORCH_CHECK(!lengths.defined() || (lengths.scalar_type() == torch::kInt64 && lengths.device() == x.device() &&
                                     lengths.is_contiguous() && lengths.numel() == x.size(0)),
              "lengths (B) int64 on the device of the sequences");
}

/// Likewise where `others` are of another type or device than `x`.
inline void require_like(const torch::Tensor& x, at::ArrayRef<torch::Tensor> others, const torch::Tensor& lengths) {
  for (const torch::Tensor& other : others)
    TORCH_CHECK(other.scalar_type() == x.scalar_type() && other.device() == x.device(), "one type and device");
  require_lengths(x, lengths);
}

/// Nothing where a tensor is undefined, which autograd's functions do not take.
inline std::optional<torch::Tensor> if_defined(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

/// For the beginning of a backward pass that autograd cannot follow. Throws c10::Error where it is asked to.
inline void require_first_derivative() {
  TORCH_CHECK(!torch::GradMode::is_enabled(), "a kernel of this operation has no second derivative");
}

/// A contiguous tensor's numbers, without a check of their type.
template <class T>
T* data_of(const torch::Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Memory of `count` numbers that nobody has written yet: zeros would push what is needed out of the caches.
template <class T>
std::unique_ptr<T[]> room_for(int64_t count) {
  return std::make_unique_for_overwrite<T[]>(static_cast<size_t>(count));
}

}  // namespace fusion
