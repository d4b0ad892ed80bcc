// The queries by which the slots of a head gather the rows of a sequence.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// (Z A + b) / sqrt(r) by head, DBA's Z A_pq (see dba_attention.h): z (B, d_p, D), A of D -> h r -> (B, h, d_p, r).
/// Differentiable in z, A and b. On a CPU in float32 and float64 the few rows are the columns of a product (see
/// slot_columns.h); elsewhere LibTorch's operators.
torch::Tensor slot_queries(const torch::Tensor& z, const torch::nn::Linear& a, int64_t heads);

/// The same by LibTorch's operators on any device, from the definition.
torch::Tensor slot_queries_by_definition(const torch::Tensor& z, const torch::nn::Linear& a, int64_t heads);

}  // namespace fusion
