// Products between a sequence of n positions and the few rows that a head compresses it to, its slots, in the order
// that costs less: matrix products associate, so what a linear layer does to all positions it can do to the slots.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// How many there are of everything: D model width, h heads, m slots of a head.
struct SlotShape {
  int64_t dim, heads, slots;
};

/// Whether a D x D product had better run over the slots than over n positions.
bool cheaper_over_slots(int64_t n, const SlotShape& shape);

/// x (B, h, m, k) times one matrix per head (h, k, n) -> (B, h, m, n): h products of B m rows, not B h of m.
torch::Tensor per_head(const torch::Tensor& x, const torch::Tensor& weights);

/// concat of W_i (X A + b)_i as (W_i X) A_i + (W_i 1) b_i, head i of A being its columns i d_h .. (i + 1) d_h.
/// `mixed` W X (B, h, m, D), `row_sums` W 1 (B, h, m, 1) or what broadcasts so, undefined where all are 1 -> (B, h, m,
/// d_h).
torch::Tensor project_slots(const torch::Tensor& mixed, const torch::Tensor& row_sums, const torch::nn::Linear& a);

/// Y_i A_i, A_i being head i's rows of A: Y (B, h, m, d_h) -> (B, h, m, D), heads first in memory.
torch::Tensor out_slots(const torch::Tensor& slots, const torch::nn::Linear& a);

/// (concat of W'_i Y_i) A + b: `w` W' (B, n, h, m), `slots` Y (B, h, m, d_h) -> (B, n, D). `over_slots`: as
/// W' (Y_i A_i), A_i being head i's rows of A, rather than as written.
torch::Tensor restore_slots(const torch::Tensor& w, const torch::Tensor& slots, const torch::nn::Linear& a,
                            bool over_slots);

}  // namespace fusion
