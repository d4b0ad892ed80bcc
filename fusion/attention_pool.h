// A sequence to one vector, weighted by a learnt attention over its positions.
#pragma once

#include <torch/torch.h>

#include "fusion/sequence.h"

namespace fusion {

struct AttentionPoolOptions {
  int64_t dim = 512;         // width of the sequence
  int64_t hidden_dim = 512;  // width of the layer that scores a position
  int64_t out_dim = 1024;    // width of the pooled vector
  double dropout = 0.1;
};

/// What a pool gives: the pooled vector and where it came from.
struct Pooled {
  torch::Tensor features;  // (B, out_dim)
  torch::Tensor weights;   // (B, T), each row sums to one, nothing at padded positions
};

/// MCAN's attentional reduction (Yu et al. 2019, eq. 9-10): softmax over positions of MLP(x), the weighted sum, and a
/// linear layer.
class AttentionPoolImpl : public torch::nn::Module {
 public:
  explicit AttentionPoolImpl(const AttentionPoolOptions& options);
  Pooled forward(const Sequence& x);

 private:
  torch::Tensor score(const torch::Tensor& x);  // (..., D) -> (...)

  torch::nn::Linear hidden_{nullptr}, score_{nullptr}, merge_{nullptr};
  double dropout_;
};
TORCH_MODULE(AttentionPool);

}  // namespace fusion
