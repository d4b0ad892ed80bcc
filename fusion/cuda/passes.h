// What the passes of compress_rows and restore_rows have in common on a GPU, and on what a test puts in its place.
//
// A Device has launch(body), which runs a body's blocks on the current device, and kEnoughBlocks, which occupy it.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <initializer_list>

#include "fusion/cuda/rows.h"

namespace fusion::cuda {

/// Into how many parts, at most `most`, a sum is cut so that its `blocks` blocks of threads become enough.
template <class Device>
int splits_for(int64_t blocks, int64_t most) {
  const int64_t wanted = Device::kEnoughBlocks / std::max<int64_t>(1, blocks);
  return static_cast<int>(std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, most)));
}

/// Whether the kernels take tensors of this type, one for all.
inline bool one_type(std::initializer_list<torch::Tensor> tensors) {
  const auto type = tensors.begin()->scalar_type();
  return (type == torch::kFloat32 || type == torch::kBFloat16) &&
         std::all_of(tensors.begin(), tensors.end(), [&](const auto& each) { return each.scalar_type() == type; });
}

inline const int64_t* lengths_of(const torch::Tensor& lengths) {
  return lengths.defined() ? lengths.const_data_ptr<int64_t>() : nullptr;
}

inline torch::TensorOptions in_float(const torch::Tensor& x) { return x.options().dtype(torch::kFloat32); }

/// A gradient that autograd may have left out, of an output like `output`.
inline torch::Tensor given(const torch::Tensor& gradient, const torch::Tensor& output) {
  return gradient.defined() ? gradient.contiguous() : torch::zeros_like(output);
}

/// call(T()) with the C++ type of a tensor's numbers.
template <class Call>
auto with_type(const torch::Tensor& x, const Call& call) {
  return x.scalar_type() == torch::kFloat32 ? call(float()) : call(c10::BFloat16());
}

}  // namespace fusion::cuda
