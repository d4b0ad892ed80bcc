#include "vision/resnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "vision/weights.h"

using testing::HasSubstr;
using vision::ResNet;
using vision::ResNetOptions;

namespace {

int64_t count_parameters(const ResNet& network) {
  int64_t count = 0;
  for (const torch::Tensor& parameter : network->parameters()) count += parameter.numel();
  return count;
}

std::vector<int64_t> grid_shape(ResNet& network, int64_t height, int64_t width) {
  const torch::NoGradGuard no_grad;
  network->eval();
  return network->forward(torch::zeros({1, 3, height, width})).sizes().vec();
}

/// A module with a network inside, as a model has it.
struct Parent : torch::nn::Module {
  Parent() : network(register_module("backbone", ResNet(ResNetOptions{"resnet-shapes"}))) {}
  ResNet network;
};

}  // namespace

TEST(ResNetTest, HasAsManyParametersAsPublished) {
  const std::map<std::string, int64_t> published = {{"resnet18", 11'176'512},
                                                    {"resnet34", 21'284'672},
                                                    {"resnet50", 23'508'032},
                                                    {"resnet101", 42'500'160},
                                                    {"resnet152", 58'143'808}};
  for (const auto& [name, count] : published) EXPECT_EQ(count_parameters(ResNet(ResNetOptions{name})), count) << name;
}

// The list holds every name and shape of the published network, line by line.
TEST(ResNetTest, NamesAndShapesArePublishedOnes) {
  std::ifstream list(VQA_SOURCE_DIR "/tests/vision/files/resnet50_shapes.txt");
  std::map<std::string, std::string> published;
  for (std::string name, shape; list >> name && std::getline(list >> std::ws, shape);) published[name] = shape;
  ASSERT_EQ(published.size(), 318u);
  const ResNet network(ResNetOptions{"resnet50"});
  std::map<std::string, std::string> ours;
  for (const auto& [name, tensor] : vision::network_tensors(*network).tensors) {
    std::ostringstream shape;
    shape << tensor.sizes();
    ours[name] = shape.str();
  }
  EXPECT_EQ(ours, published);
  EXPECT_EQ(vision::network_tensors(*ResNet(ResNetOptions{"resnet152"})).tensors.size(), 930u);
}

TEST(ResNetTest, GridHasACellPerStride) {
  ResNet large(ResNetOptions{"resnet18"});
  EXPECT_EQ(large->channels(), 512);
  EXPECT_EQ(large->stride(), 32);
  EXPECT_EQ(grid_shape(large, 64, 97), (std::vector<int64_t>{1, 512, 2, 4}));
  EXPECT_EQ(grid_shape(large, 1, 1), (std::vector<int64_t>{1, 512, 1, 1}));
  ResNet bottleneck(ResNetOptions{"resnet50"});
  EXPECT_EQ(bottleneck->channels(), 2048);
  EXPECT_EQ(grid_shape(bottleneck, 33, 32), (std::vector<int64_t>{1, 2048, 2, 1}));
}

TEST(ResNetTest, SmallOneGivesFourByFourCells) {
  ResNet small(ResNetOptions{"resnet-shapes"});
  EXPECT_EQ(small->stride(), 16);
  EXPECT_EQ(grid_shape(small, 64, 64), (std::vector<int64_t>{1, small->channels(), 4, 4}));
  EXPECT_EQ(grid_shape(small, 65, 48), (std::vector<int64_t>{1, small->channels(), 5, 3}));
  EXPECT_GT(count_parameters(small), 300'000);
  EXPECT_LT(count_parameters(small), 600'000);
}

TEST(ResNetTest, StartsAsPublished) {
  torch::manual_seed(3);
  const ResNet network(ResNetOptions{"resnet18"});
  for (const auto& item : network->named_parameters()) {
    const torch::Tensor& value = item.value();
    if (value.dim() == 4) {
      const double fan_out = static_cast<double>(value.size(0) * value.size(2) * value.size(3));
      EXPECT_NEAR(value.std().item<double>() * std::sqrt(fan_out / 2), 1, 0.05) << item.key();
    } else {
      EXPECT_TRUE(value.eq(item.key().ends_with("weight") ? 1 : 0).all().item<bool>()) << item.key();
    }
  }
}

TEST(ResNetTest, SameSeedGivesTheSameNetwork) {
  torch::manual_seed(5);
  const ResNet first(ResNetOptions{"resnet-shapes"});
  torch::manual_seed(5);
  const ResNet second(ResNetOptions{"resnet-shapes"});
  EXPECT_TRUE(torch::equal(first->parameters().back(), second->parameters().back()));
  EXPECT_TRUE(torch::equal(first->parameters().front(), second->parameters().front()));
}

TEST(ResNetTest, UnknownBackboneNamesTheAllowedOnes) {
  try {
    const ResNet network(ResNetOptions{"resnet42"});
    FAIL() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("resnet42"));
    for (const std::string& name : vision::ResNetImpl::names()) EXPECT_THAT(error.what(), HasSubstr(name));
  }
  EXPECT_EQ(vision::ResNetImpl::names().size(), 6u);
}

TEST(ResNetTest, FrozenStaysAsItIsInATrainingParent) {
  Parent parent;
  parent.network->set_frozen(true);
  parent.train();
  EXPECT_TRUE(parent.is_training());
  for (const auto& module : parent.network->modules()) EXPECT_FALSE(module->is_training()) << module->name();
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : vision::network_tensors(*parent.network).tensors) before[name] = tensor.clone();
  const torch::Tensor grid = parent.network->forward(torch::randn({2, 3, 32, 32}));
  EXPECT_FALSE(grid.requires_grad());
  for (const auto& [name, tensor] : vision::network_tensors(*parent.network).tensors)
    EXPECT_TRUE(torch::equal(tensor, before[name])) << name;
}

TEST(ResNetTest, ThawedTrainsAgain) {
  Parent parent;
  parent.network->set_frozen(true);
  parent.network->set_frozen(false);
  parent.train();
  EXPECT_TRUE(parent.network->is_training());
  const torch::Tensor mean = parent.network->named_buffers()["bn1.running_mean"].clone();
  parent.network->forward(torch::randn({2, 3, 32, 32})).sum().backward();
  EXPECT_FALSE(torch::equal(parent.network->named_buffers()["bn1.running_mean"], mean));
  for (const auto& item : parent.network->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

TEST(ResNetTest, LearnsFromPixels) {
  torch::manual_seed(11);
  ResNet network(ResNetOptions{"resnet-shapes"});
  const torch::Tensor images = torch::randn({8, 3, 32, 32});
  const torch::Tensor targets = torch::randn({8, network->channels()});
  torch::optim::Adam optimizer(network->parameters(), torch::optim::AdamOptions(3e-3));
  std::vector<double> losses;
  for (int step = 0; step < 40; ++step) {
    optimizer.zero_grad();
    const torch::Tensor loss = torch::mse_loss(network->forward(images).mean({2, 3}) - 1, targets.relu());
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item<double>());
  }
  EXPECT_LT(losses.back(), 0.1 * losses.front());
}
