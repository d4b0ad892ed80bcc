// A residual branch's end: dropout, sum and layer normalisation in one pass over the rows.
#pragma once

#include <torch/torch.h>

namespace fusion {

struct ResidualNormOptions {
  double eps = 1e-5;   // added to the variance, which is biased
  double dropout = 0;  // probability, on the branch
};

/// layer_norm(x + drop(branch)), with scale `weight` and shift `bias` (D): x and branch (..., D) -> the same,
/// differentiable in all four. On a CPU in float32 a kernel of ours, which keeps the sum alone for the gradient;
/// elsewhere LibTorch's operators.
torch::Tensor residual_norm(const torch::Tensor& x, const torch::Tensor& branch, const torch::Tensor& weight,
                            const torch::Tensor& bias, const ResidualNormOptions& options);

}  // namespace fusion
