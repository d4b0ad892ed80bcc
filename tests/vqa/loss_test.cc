#include "vqa/loss.h"

#include <gtest/gtest.h>

namespace vqa {
namespace {

TEST(BinaryLoss, IsBinaryCrossEntropyWithLogits) {
  const torch::Tensor logits = (4 * torch::randn({3, 7})).requires_grad_();
  const SparseTargets targets{torch::tensor({0, 0, 2}, torch::kInt64), torch::tensor({1, 4, 6}, torch::kInt64),
                              torch::tensor({1.0, 0.3, 0.6}, torch::kFloat32)};
  torch::Tensor dense = torch::zeros({3, 7});
  dense.index_put_({targets.rows, targets.answers}, targets.scores);

  const torch::Tensor ours = find_loss("binary").of(logits, targets);
  const torch::Tensor theirs = torch::nn::functional::binary_cross_entropy_with_logits(
      logits, dense, torch::nn::functional::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kSum));
  EXPECT_NEAR(ours.item<double>(), theirs.item<double>(), 1e-4);
  const auto a = torch::autograd::grad({ours}, {logits}), b = torch::autograd::grad({theirs}, {logits});
  EXPECT_TRUE(torch::allclose(a[0], b[0], 1e-5, 1e-6));
}

TEST(BinaryLoss, TakesQuestionsWithoutATarget) {
  const SparseTargets none{torch::empty({0}, torch::kInt64), torch::empty({0}, torch::kInt64), torch::empty({0})};
  EXPECT_NEAR(find_loss("binary").of(torch::zeros({2, 5}), none).item<double>(), 10 * std::log(2.0), 1e-5);
}

// Of three questions the second has no target: it counts nothing, and learns nothing.
TEST(SoftmaxLoss, IsCrossEntropyAgainstSharesOfTheTargets) {
  const torch::Tensor logits = (4 * torch::randn({3, 7})).requires_grad_();
  const SparseTargets targets{torch::tensor({0, 0, 2}, torch::kInt64), torch::tensor({1, 4, 6}, torch::kInt64),
                              torch::tensor({0.9, 0.3, 0.6}, torch::kFloat32)};
  torch::Tensor dense = torch::zeros({3, 7});
  dense[0][1] = 0.75;
  dense[0][4] = 0.25;
  dense[2][6] = 1;
  const torch::Tensor ours = find_loss("softmax").of(logits, targets);
  const torch::Tensor theirs = -(dense * torch::log_softmax(logits, 1)).sum();
  EXPECT_NEAR(ours.item<double>(), theirs.item<double>(), 1e-4);
  const auto a = torch::autograd::grad({ours}, {logits}), b = torch::autograd::grad({theirs}, {logits});
  EXPECT_TRUE(torch::allclose(a[0], b[0], 1e-5, 1e-6));
  EXPECT_TRUE(a[0][1].eq(0).all().item<bool>());
}

TEST(Losses, ReadLogitsAsTheyWereLearnt) {
  const torch::Tensor logits = torch::tensor({{2.0, 2.0, -1.0}});
  EXPECT_NEAR(find_loss("binary").probabilities(logits)[0][0].item<double>(), 0.880797, 1e-5);
  EXPECT_NEAR(find_loss("softmax").probabilities(logits)[0][0].item<double>(), 0.487856, 1e-5);
  EXPECT_THROW(find_loss("hinge"), std::invalid_argument);
}

}  // namespace
}  // namespace vqa
