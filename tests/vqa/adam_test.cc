#include "vqa/adam.h"

#include <gtest/gtest.h>

namespace vqa {
namespace {

torch::nn::Sequential network() {
  torch::manual_seed(1);
  return torch::nn::Sequential(torch::nn::Linear(6, 8), torch::nn::Tanh(), torch::nn::Linear(8, 3));
}

torch::Tensor loss_of(torch::nn::Sequential& net, int step) {
  torch::manual_seed(static_cast<uint64_t>(100 + step));
  return net->forward(torch::randn({5, 6})).square().sum();
}

void expect_equal(const torch::nn::Sequential& a, const torch::nn::Sequential& b, double tolerance) {
  for (size_t i = 0; i < a->parameters().size(); ++i) {
    EXPECT_LT((a->parameters()[i] - b->parameters()[i]).abs().max().item<double>(), tolerance) << i;
  }
}

TEST(Adam, StepsAsLibTorchsAdamDoes) {
  auto ours = network(), theirs = network();
  Adam adam(*ours, {.beta1 = 0.9, .beta2 = 0.98, .eps = 1e-9});
  torch::optim::Adam reference(theirs->parameters(), torch::optim::AdamOptions(1).betas({0.9, 0.98}).eps(1e-9));
  for (int step = 0; step < 10; ++step) {
    const double rate = 0.01 / (1 + step);
    adam.zero_grad();
    loss_of(ours, step).backward();
    adam.step(rate);
    static_cast<torch::optim::AdamOptions&>(reference.param_groups()[0].options()).lr(rate);
    reference.zero_grad();
    loss_of(theirs, step).backward();
    reference.step();
  }
  expect_equal(ours, theirs, 1e-6);
}

TEST(Adam, ScaledParametersLearnAtTheirOwnRate) {
  auto scaled = network(), plain = network();
  Adam adam(*scaled, {}, {.prefix = "2.", .factor = 0.25}), reference(*plain, {});
  loss_of(scaled, 0).backward();
  loss_of(plain, 0).backward();
  const auto begun = network();
  adam.step(0.01);
  reference.step(0.01);
  const auto moved = [&](const torch::nn::Sequential& net, size_t i) {
    return (net->parameters()[i] - begun->parameters()[i]).abs().max().item<double>();
  };
  EXPECT_NEAR(moved(scaled, 0), moved(plain, 0), 1e-8);
  EXPECT_NEAR(moved(scaled, 2), moved(plain, 2) / 4, 1e-6);
}

// The step of a group without gradients failed.
TEST(Adam, AGroupWithoutGradientsStays) {
  auto net = network();
  Adam adam(*net, {}, {.prefix = "2.", .factor = 0.25});
  torch::manual_seed(3);
  net->ptr(0)->as<torch::nn::Linear>()->forward(torch::randn({5, 6})).square().sum().backward();
  const torch::Tensor before = net->parameters()[2].detach().clone();
  adam.step(0.01);
  EXPECT_TRUE(torch::equal(net->parameters()[2], before));
}

TEST(Adam, ClipsTheNormOverAllParameters) {
  auto net = network();
  Adam adam(*net, {});
  loss_of(net, 0).backward();
  const auto norm = [&] {
    double squares = 0;
    for (const auto& p : net->parameters()) squares += p.grad().square().sum().item<double>();
    return std::sqrt(squares);
  };
  const double before = norm();
  EXPECT_NEAR(adam.clip_gradients(before / 4).item<double>(), before, 1e-4 * before);
  EXPECT_NEAR(norm(), before / 4, 1e-4 * before);
  adam.clip_gradients(before);
  EXPECT_NEAR(norm(), before / 4, 1e-4 * before);  // below the limit nothing happens
  EXPECT_NEAR(adam.clip_gradients(0).item<double>(), before / 4, 1e-4 * before);
  EXPECT_NEAR(norm(), before / 4, 1e-4 * before);  // 0 is no limit
}

TEST(Adam, GoesOnFromWhatItSaved) {
  auto whole = network(), parts = network();
  Adam one(*whole, {}), first(*parts, {});
  const auto take = [](Adam& adam, torch::nn::Sequential& net, int step) {
    adam.zero_grad();
    loss_of(net, step).backward();
    adam.step(0.01);
  };
  for (int step = 0; step < 6; ++step) take(one, whole, step);
  for (int step = 0; step < 3; ++step) take(first, parts, step);
  data::TensorFile file;
  first.save(file);
  Adam second(*parts, {});
  second.load(file);
  for (int step = 3; step < 6; ++step) take(second, parts, step);
  expect_equal(whole, parts, 0 + 1e-30);
  file.tensors.erase(file.tensors.begin());
  EXPECT_THROW(second.load(file), std::runtime_error);
}

TEST(Adam, LeavesParametersWithoutAGradientAlone) {
  auto net = network();
  const auto before = net->parameters()[0].clone();
  Adam adam(*net, {});
  net->parameters()[3].sum().backward();
  adam.step(0.1);
  EXPECT_TRUE(torch::equal(net->parameters()[0], before));
}

}  // namespace
}  // namespace vqa
