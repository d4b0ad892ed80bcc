#include "fusion/residual_norm.h"

#include <gtest/gtest.h>

#include "fusion/dropout.h"
#include "tests/fusion/threads.h"

namespace fusion {
namespace {

using torch::Tensor;

Tensor by_formula(const Tensor& x, const Tensor& branch, const Tensor& weight, const Tensor& bias,
                  const ResidualNormOptions& options) {
  const Tensor sum = x + hashed_dropout(branch, options.dropout, options.dropout > 0);
  const Tensor centred = sum - sum.mean(-1, true);
  return centred / (centred.square().mean(-1, true) + options.eps).sqrt() * weight + bias;
}

/// Output and gradients of 3 * rows rows of 37 numbers.
std::vector<Tensor> pass(decltype(by_formula)* way, int64_t rows, const ResidualNormOptions& options) {
  torch::manual_seed(2);
  const auto random = [](at::IntArrayRef sizes) { return torch::randn(sizes).requires_grad_(); };
  const Tensor x = random({3, rows, 37}), branch = random({3, rows, 37}), weight = random({37}), bias = random({37});
  torch::manual_seed(3);
  const Tensor out = way(x, branch, weight, bias, options);
  std::vector<Tensor> all{out.detach()};
  const Tensor loss = (out * torch::arange(out.numel()).sin().view_as(out)).sum();
  for (const Tensor& g : torch::autograd::grad({loss}, {x, branch, weight, bias})) all.push_back(g);
  return all;
}

TEST(ResidualNorm, EqualsItsFormulaAndItsGradients) {
  for (const int64_t rows : {0, 1, 50}) {
    for (const ResidualNormOptions& options : {ResidualNormOptions{}, {.eps = 0.1}, {.dropout = 0.4}}) {
      const auto found = pass(residual_norm, rows, options), expected = pass(by_formula, rows, options);
      for (size_t i = 0; i < found.size(); ++i)
        EXPECT_TRUE(torch::allclose(found[i], expected[i], 1e-4, 2e-5)) << rows << " rows, tensor " << i;
    }
  }
}

TEST(ResidualNorm, GivesTheSameWithoutGradients) {
  torch::manual_seed(2);
  const Tensor x = torch::randn({40, 16}), branch = torch::randn({40, 16}), one = torch::ones({16});
  const Tensor with = residual_norm(x, branch, one, one, {});
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(torch::equal(residual_norm(x, branch, one, one, {}), with));
}

TEST(ResidualNorm, GivesTheSameGradientsOnOneThreadAndOnEight) {
  const auto on = [&](int count) {
    const Threads threads(count);
    return pass(residual_norm, 50, {.dropout = 0.2});
  };
  const auto on_one = on(1), on_eight = on(8);
  for (size_t i = 0; i < on_one.size(); ++i) EXPECT_TRUE(torch::allclose(on_one[i], on_eight[i], 1e-5, 1e-5)) << i;
}

}  // namespace
}  // namespace fusion
