// The few slots of linear attention -> rows, in one pass over the rows.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// Letters: B, n, D, h, d_p as in fusion/sequence.h; m = h d_p; p columns of `projected`.
struct RestoreInputs {
  torch::Tensor projected;  // (B, n, p); its last m columns, X A_len, are read
  torch::Tensor lengths;    // (B) int64 on the device of `projected`: rows past them are padding; undefined: none are
  torch::Tensor bias;       // (m), of A_len
  torch::Tensor slots;      // (B, h, d_p, D): Y_i A_i
  torch::Tensor out_bias;   // (D); undefined: zeros
  double dropout = 0;       // probability, on the softmax
};

/// W' = softmax over d_p of (projected + bias) per head, dropped out; out = sum over heads of W'_i slots_i, plus
/// out_bias: DBA's steps 5 and 6 (see dba_attention.h), (B, n, D), zero at padding. Differentiable in projected, bias,
/// slots and out_bias. On a CPU and on a GPU as compress_rows is; the backward pass computes W' again.
torch::Tensor restore_rows(const RestoreInputs& inputs);

/// The same by LibTorch's operators on any device, from the definition.
torch::Tensor restore_rows_by_definition(const RestoreInputs& inputs);

}  // namespace fusion
