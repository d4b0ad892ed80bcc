// A trainable feature map of attention heads.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "fusion/attention.h"

namespace fusion {

/// A layer of a feature kernel: x W, times sigmoid(x U) where it is gated. Per head it has d_h^2 numbers, gated
/// 2 d_h^2, and with U = U_a U_b of rank r = d_h / 4 (at least 1) d_h^2 + 2 d_h r.
struct FeatureKernelForm {
  enum class Gate { kNone, kFull, kLowRank };
  std::string name;
  Gate gate;
};

/// linear, glu and low-rank-glu.
const std::vector<FeatureKernelForm>& feature_kernel_forms();

/// phi of ffkernel_attention.h: `kernel_depth` layers, each head with weights of its own, no biases. Dropout acts on
/// every layer's input; W of the last layer has softplus after it, so that phi > 0 (glu: softplus(x W) sigmoid(x U)).
/// W starts orthogonal, U normal with variance 2 / rows.
class FeatureKernelImpl : public torch::nn::Module {
 public:
  explicit FeatureKernelImpl(const AttentionOptions& options);

  /// x (h, N, d_h) -> (h, N, d_h), N rows of any origin.
  torch::Tensor forward(const torch::Tensor& x);

  /// How far W is from orthogonal: mean of (W W^T - I)^2, summed over the layers.
  torch::Tensor penalty() const;

  /// W of each layer, (h, d_h, d_h).
  const std::vector<torch::Tensor>& weights() const { return weights_; }

 private:
  /// (h, N, d_h) -> what W gives, and what U gives, undefined without one.
  std::pair<torch::Tensor, torch::Tensor> products(const torch::Tensor& x, size_t layer) const;

  FeatureKernelForm::Gate gate_;
  double dropout_;
  std::vector<torch::Tensor> weights_;            // W
  std::vector<torch::Tensor> gates_, gates_out_;  // U and nothing, or U_a (h, d_h, r) and U_b (h, r, d_h)
};
TORCH_MODULE(FeatureKernel);

}  // namespace fusion
