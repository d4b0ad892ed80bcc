#include "fusion/slot_products.h"

#include <gtest/gtest.h>

#include "fusion/head_matmul.h"
#include "tests/fusion/compare.h"

namespace fusion {
namespace {

using torch::Tensor;

torch::nn::Linear linear(int64_t in, int64_t out) {
  torch::manual_seed(4);
  return torch::nn::Linear(in, out);
}

/// Gradients of `out` by x and by a layer's weight and bias.
std::vector<Tensor> gradients(const Tensor& out, const Tensor& x, const torch::nn::Linear& a) {
  const Tensor loss = (out * torch::arange(out.numel()).sin().view(out.sizes())).sum();
  return torch::autograd::grad({loss}, {x, a->weight, a->bias});
}

void expect_close(const Tensor& found, const Tensor& expected) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT(relative_difference(found, expected), 1e-5);
}

// W (X A + b) of each head, as its docstring writes it.
TEST(SlotProducts, ProjectSlotsMovesAProductToTheSlots) {
  for (const int64_t batch : {1, 3}) {
    const torch::nn::Linear a = linear(33, 8);
    const Tensor x = torch::randn({batch, 9, 33}).requires_grad_(), w = torch::randn({batch, 2, 20, 9});
    const Tensor expected = torch::matmul(w, split_heads(torch::linear(x, a->weight, a->bias), 2));  // (B, h, m, d_h)
    const Tensor found = project_slots(torch::matmul(w, x.unsqueeze(1)), w.sum(-1, true), a);
    expect_close(found, expected);
    const auto of_found = gradients(found, x, a), of_expected = gradients(expected, x, a);
    for (size_t i = 0; i < of_found.size(); ++i) expect_close(of_found[i], of_expected[i]);
  }
}

TEST(SlotProducts, OutSlotsAreHeadsTimesTheirRowsOfTheWeight) {
  for (const int64_t batch : {1, 3}) {
    const torch::nn::Linear a = linear(6, 11);
    const Tensor slots = torch::randn({batch, 2, 5, 3}).requires_grad_();
    std::vector<Tensor> heads;
    for (int64_t i = 0; i < 2; ++i) heads.push_back(slots.select(1, i).matmul(a->weight.narrow(1, 3 * i, 3).t()));
    const Tensor found = out_slots(slots, a), expected = torch::stack(heads, 1);
    expect_close(found, expected);
    const auto grad = [&](const Tensor& out) { return torch::autograd::grad({out.pow(2).sum()}, {slots, a->weight}); };
    const auto of_found = grad(found), of_expected = grad(expected);
    for (size_t i = 0; i < of_found.size(); ++i) expect_close(of_found[i], of_expected[i]);
  }
}

}  // namespace
}  // namespace fusion
