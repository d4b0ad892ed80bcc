// Convolutions as inference runs them: the batch norm behind a convolution folded into its weights, its ReLU and the
// residual sum computed with it, weights put in the order of the kernel that was chosen for its shape.
#pragma once

#include <torch/torch.h>

#include <memory>

#include "vision/large_pages.h"
#include "vision/resnet_shape.h"

namespace vision {

/// Memory for one activation, used again and again: it grows to the largest that was asked for.
class ActivationBuffer {
 public:
  /// (I, C, h, w) in channels-last order, contents undefined. What was taken before is overwritten.
  torch::Tensor take(at::IntArrayRef shape);

 private:
  torch::Tensor memory_;
};

/// A convolution's weights with the batch norm behind it.
struct ConvolutionWeights {
  torch::Tensor weight;  // (K, C / groups, kernel, kernel), any order and floating-point type
  torch::Tensor scale;   // (K) float32: output channels are multiplied by these
  torch::Tensor bias;    // (K) float32: and have these added
};

/// Folds a batch norm of epsilon 1e-5 in evaluation mode. All (K).
ConvolutionWeights fold(const torch::Tensor& weight, const torch::Tensor& norm_weight, const torch::Tensor& norm_bias,
                        const torch::Tensor& running_mean, const torch::Tensor& running_var);

/// Not thread-safe. Activations are (I, C, h, w) in channels-last order. Runs on at::get_num_threads() threads.
class FusedConvolution {
 public:
  virtual ~FusedConvolution() = default;

  /// conv(x), then ReLU if asked for: in `buffer` or in memory of its own, whichever suits the kernel.
  virtual torch::Tensor forward(const torch::Tensor& x, ActivationBuffer& buffer, bool relu) = 0;

  /// sum = relu(conv(x) + sum)
  virtual void add_forward(const torch::Tensor& x, torch::Tensor& sum) = 0;
};

/// The fastest that is known for this shape, number type and processor: by a rule, so that a plan computes the same
/// bits every time. `type` is float32 or bfloat16, of the activations too. Our own kernels' weights lie in `memory` in
/// their order; without it they stay as they are and are put into that order at each use.
std::unique_ptr<FusedConvolution> make_fused_convolution(const ConvolutionShape& shape,
                                                         const ConvolutionWeights& weights, at::ScalarType type,
                                                         WeightMemory* memory);

}  // namespace vision
