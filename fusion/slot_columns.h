// The operations of mix_slots and slot_queries on a CPU, on plain tensors of float32 or float64.
//
// L = B d_p slots of all samples stand in columns. A product of a weight (N, K) with K x L numbers reads the weight as
// it stands; one of L rows with its transpose has a library turn the weight round first, which takes longer than the
// product.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "fusion/dropout_mask.h"

namespace fusion {

struct MixShape {
  int64_t batch, heads, d_p, dim, d_in;

  int64_t columns() const { return batch * d_p; }  // L
  int64_t d_h() const { return dim / heads; }
};

/// What the attention of slots to each other takes, or the gradients of that.
struct SlotColumns {
  torch::Tensor queries, keys;  // (d_in, L)
  torch::Tensor values;         // (D, L)
  torch::Tensor all;            // one below the other, (2 d_in + D, L)
};
/// Of `all`, its parts being views.
SlotColumns parts_of(const torch::Tensor& all, int64_t d_in);

/// concat of P_i V_i, (L, D): of each sample and head P = softmax(Q K^T / sqrt(r)), dropped out.
torch::Tensor attend(const SlotColumns& slots, const MixShape& shape, const DropoutMask& mask);

/// The gradients of what `attend` took from that of what it gave, (L, D).
SlotColumns attend_backward(const SlotColumns& slots, const MixShape& shape, const DropoutMask& mask,
                            const torch::Tensor& of_out);

/// `out` (h, m, n) = a (h, m, k) b (h, k, n), for any strides; the first head's plus `start` (m), where it is defined,
/// in each column.
void multiply_heads(const torch::Tensor& a, const torch::Tensor& b, torch::Tensor out, const torch::Tensor& start = {});

/// A x + b, (N, L).
struct ColumnsLinear {
  torch::Tensor x;             // (K, L) contiguous
  torch::Tensor weight, bias;  // A (N, K), b (N)
};

/// All of them, one below the other, shared out to threads together.
torch::Tensor linear_columns(const std::vector<ColumnsLinear>& linears);

/// x (L, K) in columns, (K, L).
torch::Tensor columns_of(const torch::Tensor& x);

/// W X A of all heads, `columns` (D, L), plus the bias (D) or, where they are defined, row_sums (h, L, 1) times the
/// bias: in `columns` itself, and the same in rows, (L, D).
torch::Tensor biased_rows(torch::Tensor& columns, const torch::Tensor& bias, const torch::Tensor& row_sums);

}  // namespace fusion
