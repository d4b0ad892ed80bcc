// Products of the small matrices that attention heads make.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// Where the result's heads stand in memory. The result is (B, h, m, n) either way.
enum class HeadOrder {
  kHeadsFirst,  // contiguous: for a softmax over n
  kRowsFirst    // as (B, m, h, n): concatenating the heads of a row costs nothing then (see concat_heads)
};

/// a (B, h, m, k) times b (B, h, k, n), per sample and head -> (B, h, m, n), differentiable.
///
/// On a CPU in float32, products too small for a library's matrix kernel (which spends longer on its own preparation)
/// run through a kernel of ours that takes any strides, so that splitting and transposing heads costs no copy.
/// Everything else is torch::matmul.
torch::Tensor head_matmul(const torch::Tensor& a, const torch::Tensor& b, HeadOrder order = HeadOrder::kHeadsFirst);

/// (B, T, h * d) -> (B, h, T, d), a view.
torch::Tensor split_heads(const torch::Tensor& x, int64_t heads);

/// (B, h, T, d) -> (h, B T, d), a view where the memory is heads first.
torch::Tensor rows_of_heads(const torch::Tensor& x);

/// (B, h, T, d) -> (B, T, h * d), a view where the memory is kRowsFirst.
torch::Tensor concat_heads(const torch::Tensor& x);

}  // namespace fusion
