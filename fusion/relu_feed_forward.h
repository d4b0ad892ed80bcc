// Linear, ReLU, dropout, linear, as one operation.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// The two linear layers' parameters: inner (F, D) and (F), outer (O, F) and (O).
struct FeedForwardWeights {
  torch::Tensor inner, inner_bias, outer, outer_bias;
};

/// drop(relu(x inner^T + inner_bias)) outer^T + outer_bias, with dropout's probability `p`: (..., D) -> (..., O),
/// differentiable in x and the weights.
///
/// On a CPU in float32: rows go through both products in blocks of some hundreds (for each block a library packs both
/// weights anew); bias, ReLU and dropout are one pass over a block. For the gradient only their result is kept: it is
/// zero just where the gradient is. Elsewhere LibTorch's operators.
torch::Tensor relu_feed_forward(const torch::Tensor& x, const FeedForwardWeights& weights, double p);

/// The same with any activation, by LibTorch's operators on any device.
torch::Tensor feed_forward_by_operators(const torch::Tensor& x, const FeedForwardWeights& weights, double p,
                                        torch::Tensor (*activation)(const torch::Tensor&));

}  // namespace fusion
