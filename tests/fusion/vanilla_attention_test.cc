#include "fusion/vanilla_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/fusion/compare.h"
#include "tests/fusion/head_by_head.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 32, kHeads = 4;

VanillaAttention layer() {
  torch::manual_seed(5);
  VanillaAttention attention(AttentionOptions{.kind = "vanilla", .dim = kDim, .heads = kHeads});
  attention->eval();
  return attention;
}

/// One sample, head by head, with the n x n matrix written out. x (n, D), y (m, D).
torch::Tensor explicit_attention(VanillaAttention& attention, const torch::Tensor& x, const torch::Tensor& y) {
  return head_by_head(attention->named_parameters(), {x, y}, kHeads,
                      [](int64_t, const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v) {
                        const double root = std::sqrt(static_cast<double>(kDim / kHeads));
                        return (q.matmul(k.t()) / root).softmax(-1).matmul(v);
                      });
}

TEST(VanillaAttention, EqualsTheWrittenOutMatrix) {
  const torch::NoGradGuard no_grad;
  VanillaAttention attention = layer();
  const torch::Tensor x = torch::randn({2, 7, kDim}), y = torch::randn({2, 5, kDim});
  const torch::Tensor lengths = torch::tensor({5, 3}, torch::kInt64);
  const torch::Tensor ours = attention->cross({x, {}}, Sequence::padded(y, lengths), {}).features;
  EXPECT_LT(relative_difference(ours[0], explicit_attention(attention, x[0], y[0])), 1e-5);
  EXPECT_LT(relative_difference(ours[1], explicit_attention(attention, x[1], y[1].narrow(0, 0, 3))), 1e-5);
}

TEST(VanillaAttention, IsFiniteWhereTheKeysAreAllPadding) {
  VanillaAttention attention = layer();
  const Sequence keys = Sequence::padded(torch::randn({2, 5, kDim}), torch::tensor({0, 5}, torch::kInt64));
  EXPECT_TRUE(
      torch::isfinite(attention->cross({torch::randn({2, 3, kDim}), {}}, keys, {}).features).all().item<bool>());
}

}  // namespace
}  // namespace fusion
