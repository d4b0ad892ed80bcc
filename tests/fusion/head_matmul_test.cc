#include "fusion/head_matmul.h"

#include <gtest/gtest.h>

#include "tests/fusion/compare.h"

namespace fusion {
namespace {

struct Extents {
  int64_t m, k, n;
};

/// Product and gradients of `multiply` on heads that are views of one projection, as attention has them.
template <class Multiply>
std::vector<torch::Tensor> pass(const Extents& e, const Multiply& multiply) {
  torch::manual_seed(4);
  const torch::Tensor x = torch::randn({3, e.m, 2 * e.k + 5}).requires_grad_();
  const torch::Tensor y = torch::randn({3, e.n, 2 * e.k}).requires_grad_();  // transposed below: columns not adjacent
  const torch::Tensor a = split_heads(x.narrow(-1, 3, 2 * e.k), 2), b = split_heads(y, 2).transpose(2, 3);
  const torch::Tensor c = multiply(a, b);
  (c * torch::randn(c.sizes())).sum().backward();
  return {c.detach(), x.grad(), y.grad()};
}

TEST(HeadMatmul, EqualsMatmulForEveryWidth) {
  for (const Extents& e : {Extents{8, 6, 16}, {16, 8, 1}, {5, 3, 7}, {1, 1, 33}, {16, 24, 63}, {2, 100, 4}}) {
    const auto expected = pass(e, [](const auto& a, const auto& b) { return torch::matmul(a, b); });
    for (const HeadOrder order : {HeadOrder::kHeadsFirst, HeadOrder::kRowsFirst}) {
      const auto ours = pass(e, [&](const auto& a, const auto& b) { return head_matmul(a, b, order); });
      for (size_t i = 0; i < ours.size(); ++i) EXPECT_LT(relative_difference(ours[i], expected[i]), 1e-5) << e.n << i;
    }
  }
}

TEST(HeadMatmul, TakesExpandedSamples) {
  const torch::Tensor z = torch::randn({1, 2, 4, 6}).requires_grad_();
  const torch::Tensor y = torch::randn({3, 2, 6, 5});
  head_matmul(z.expand({3, -1, -1, -1}), y).sum().backward();
  const torch::Tensor expected = y.sum(3).sum(0).unsqueeze(0).unsqueeze(2).expand({1, 2, 4, 6});
  EXPECT_LT(relative_difference(z.grad(), expected), 1e-5);
}

TEST(HeadMatmul, HasNoSecondDerivativeAndSaysSo) {
  const torch::Tensor a = torch::randn({1, 2, 3, 4}).requires_grad_();
  const torch::Tensor c = head_matmul(a, torch::randn({1, 2, 4, 5}));
  EXPECT_THROW(torch::autograd::grad({c.sum()}, {a}, {}, std::nullopt, /*create_graph=*/true), c10::Error);
}

TEST(HeadMatmul, KeepsRowsTogetherWhereAsked) {
  const torch::Tensor a = torch::randn({2, 3, 4, 5}), b = torch::randn({2, 3, 5, 6});
  const torch::Tensor product = head_matmul(a, b, HeadOrder::kRowsFirst);
  EXPECT_TRUE(concat_heads(product).is_contiguous());
  EXPECT_EQ(concat_heads(product).data_ptr(), product.data_ptr());
  EXPECT_TRUE(torch::allclose(split_heads(concat_heads(product), 3), torch::matmul(a, b), 1e-5, 1e-6));
}

}  // namespace
}  // namespace fusion
