// The rows of sequences -> the few slots of linear attention, in one pass over the rows.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// Letters: B, n, D, h, d_p, r as in fusion/sequence.h; m = h d_p.
struct CompressInputs {
  torch::Tensor x;        // (B, n, D)
  torch::Tensor lengths;  // (B) int64 on x's device: rows past them are padding and are not read; undefined: none are
  torch::Tensor queries;  // (B, h, d_p, r), scaled
  torch::Tensor weight;   // (h r, D), makes keys of x
  torch::Tensor bias;     // (h r), of the keys; undefined: none. A slot's scores all shift alike by it, which softmax
                          // takes out again: it changes nothing, and its gradient is zeros
  torch::Tensor beside;   // (p, D), what else the rows are multiplied by on the way; undefined: nothing
  double dropout = 0;     // probability, on the softmax
};

struct Compressed {
  torch::Tensor mixed;      // W X per head, (B, h, d_p, D)
  torch::Tensor row_sums;   // W 1, (B, h, d_p, 1): 1 but for dropout
  torch::Tensor projected;  // X beside^T, zero at padding: the last p columns of (B, n, p or more)
};

/// W = softmax over the rows of queries keys^T, dropped out, times the rows; DBA's steps 1 and 2 (see dba_attention.h)
/// with the product by A_pv left to the caller. Differentiable in x, queries, weight, bias and beside. A sequence
/// without rows gives zeros.
///
/// On a CPU in float32, float64 and bfloat16 (computed in float32, see stored_rows.h): blocks of rows that stay in the
/// second cache, softmax between the products, nothing of size n m kept; the backward pass computes W again. Threads
/// share out rows; in the forward pass of sequences of one block, heads.
/// On a GPU in float32 and bfloat16: kernels (fusion/cuda/slot_rows_cuda.h). Elsewhere LibTorch's operators.
Compressed compress_rows(const CompressInputs& inputs);

/// The same by LibTorch's operators on any device, from the definition.
Compressed compress_rows_by_definition(const CompressInputs& inputs);

}  // namespace fusion
