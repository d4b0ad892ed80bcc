#include "vqa/loss.h"

#include <gtest/gtest.h>

namespace vqa {
namespace {

TEST(SoftTargetLoss, IsBinaryCrossEntropyWithLogits) {
  const torch::Tensor logits = (4 * torch::randn({3, 7})).requires_grad_();
  const SparseTargets targets{torch::tensor({0, 0, 2}, torch::kInt64), torch::tensor({1, 4, 6}, torch::kInt64),
                              torch::tensor({1.0, 0.3, 0.6}, torch::kFloat32)};
  torch::Tensor dense = torch::zeros({3, 7});
  dense.index_put_({targets.rows, targets.answers}, targets.scores);

  const torch::Tensor ours = soft_target_loss(logits, targets);
  const torch::Tensor theirs = torch::nn::functional::binary_cross_entropy_with_logits(
      logits, dense, torch::nn::functional::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kSum));
  EXPECT_NEAR(ours.item<double>(), theirs.item<double>(), 1e-4);
  const auto a = torch::autograd::grad({ours}, {logits}), b = torch::autograd::grad({theirs}, {logits});
  EXPECT_TRUE(torch::allclose(a[0], b[0], 1e-5, 1e-6));
}

TEST(SoftTargetLoss, TakesQuestionsWithoutATarget) {
  const SparseTargets none{torch::empty({0}, torch::kInt64), torch::empty({0}, torch::kInt64), torch::empty({0})};
  EXPECT_NEAR(soft_target_loss(torch::zeros({2, 5}), none).item<double>(), 10 * std::log(2.0), 1e-5);
}

}  // namespace
}  // namespace vqa
