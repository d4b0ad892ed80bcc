// Softmax attention whose weights are dropped out, without ever holding all of them.
#pragma once

#include <torch/torch.h>

namespace fusion {

struct SoftmaxAttentionInputs {
  torch::Tensor queries;      // (B, h, Tq, d_h)
  torch::Tensor keys;         // (B, h, Tk, d_h)
  torch::Tensor values;       // (B, h, Tk, d_h)
  torch::Tensor key_lengths;  // (B) int64: keys past them are padding; undefined: none are
  double dropout = 0;         // probability, on the weights
};

/// softmax(queries keys^T / sqrt(d_h)) values per head, "Attention Is All You Need" (Vaswani et al. 2017, eq. 1) ->
/// (B, h, Tq, d_h), which concat_heads takes without a copy. Differentiable in queries, keys and values. Queries
/// without a key get zeros. float32 on a CPU, any strides whose last is 1.
///
/// A block of queries at a time; the backward pass computes the weights again (FlashAttention, Dao et al. 2022,
/// algorithm 4). LibTorch's fused attention does the same, but not with dropout, which is where training needs it.
torch::Tensor softmax_attention(const SoftmaxAttentionInputs& inputs);

}  // namespace fusion
