// How far two tensors are apart.
#pragma once

#include <torch/torch.h>

/// max|a - b| / max|b|.
inline double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}
