// Layer normalisation in the two forms that VQA models use.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

namespace fusion {

/// standard: Ba et al. 2016, variance biased, eps 1e-5 under the root.
/// openvqa: divides by (deviation + 1e-6), deviation unbiased.
const std::vector<std::string>& layer_norm_forms();

struct LayerNormOptions {
  int64_t dim = 512;              // width; openvqa needs 2 or more
  std::string form = "standard";  // one of layer_norm_forms()

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// Over the last axis, with a learnt scale and shift: parameters `weight`, `bias` (dim).
/// The openvqa form is computed as (deviation^2 + tiny)^1/2, which differs from (deviation + 1e-6) by one part in 10^6
/// / deviation and lets both forms run through LibTorch's one fused kernel.
class LayerNormImpl : public torch::nn::Module {
 public:
  explicit LayerNormImpl(const LayerNormOptions& options);
  torch::Tensor forward(const torch::Tensor& x);  // (..., dim) -> the same

  /// The norm of x + branch, the branch dropped out with probability `dropout` where this trains: (..., dim) both.
  torch::Tensor after(const torch::Tensor& x, const torch::Tensor& branch, double dropout);

 private:
  torch::Tensor scale() const;  // (dim)
  double eps() const;

  LayerNormOptions options_;
  torch::Tensor weight_, bias_;  // (dim)
};
TORCH_MODULE(LayerNorm);

}  // namespace fusion
