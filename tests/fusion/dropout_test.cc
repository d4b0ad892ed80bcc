#include "fusion/dropout.h"

#include <gtest/gtest.h>

#include "tests/fusion/threads.h"

namespace fusion {
namespace {

TEST(HashedDropout, KeepsTheRightShareAndTheMean) {
  torch::manual_seed(1);
  const torch::Tensor y = hashed_dropout(torch::ones({1000, 1000}), 0.3, true);
  const double zeros = (y == 0).sum().item<double>() / 1e6;
  EXPECT_NEAR(zeros, 0.3, 0.002);  // four deviations
  EXPECT_NEAR(y.mean().item<double>(), 1, 0.003);
  // In every row and column too: the hash has no pattern along either.
  EXPECT_LT((y.mean(0) - 1).abs().max().item<double>(), 0.12);
  EXPECT_LT((y.mean(1) - 1).abs().max().item<double>(), 0.12);
}

TEST(HashedDropout, DropsTheSameInTheGradient) {
  torch::manual_seed(2);
  const torch::Tensor x = torch::rand({64, 33}).add_(1).requires_grad_();
  const torch::Tensor y = hashed_dropout(x, 0.4, true);
  y.sum().backward();
  EXPECT_TRUE(torch::equal(x.grad() == 0, y == 0));
  EXPECT_TRUE(torch::allclose(y, x * x.grad()));
}

TEST(HashedDropout, HasNoSecondDerivativeAndSaysSo) {
  const torch::Tensor x = torch::ones({2, 3}).requires_grad_();
  const torch::Tensor y = hashed_dropout(x, 0.5, true);
  EXPECT_THROW(torch::autograd::grad({y.sum()}, {x}, {}, std::nullopt, /*create_graph=*/true), c10::Error);
}

TEST(HashedDropout, FollowsTheSeedAndNotTheThreads) {
  const torch::Tensor x = torch::ones({300, 400});
  const auto run = [&](uint64_t seed, int count) {
    const Threads threads(count);
    torch::manual_seed(seed);
    return hashed_dropout(x, 0.5, true);
  };
  const torch::Tensor once = run(7, 1);
  EXPECT_TRUE(torch::equal(once, run(7, 3)));
  EXPECT_FALSE(torch::equal(once, run(8, 1)));
  EXPECT_FALSE(torch::equal(hashed_dropout(x, 0.5, true), hashed_dropout(x, 0.5, true)));
}

TEST(HashedDropout, IsTheIdentityOutsideTraining) {
  const torch::Tensor x = torch::randn({5});
  EXPECT_TRUE(hashed_dropout(x, 0.5, false).is_same(x));
  EXPECT_TRUE(hashed_dropout(x, 0, true).is_same(x));
  EXPECT_THROW(hashed_dropout(x, 1, true), std::invalid_argument);
}

}  // namespace
}  // namespace fusion
