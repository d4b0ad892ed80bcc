#include "vision/resnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "data/weights.h"

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

/// "[64, 3, 7, 7]" by "conv1.weight", for parameters and buffers.
std::map<std::string, std::string> names_and_shapes(const ResNet& network) {
  std::map<std::string, std::string> shapes;
  for (const auto& [name, tensor] : data::network_tensors(*network).tensors) {
    std::ostringstream shape;
    shape << tensor.sizes();
    shapes[name] = shape.str();
  }
  return shapes;
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

// Published totals, less those of the classifier (`fc`), which is not there.
TEST(ResNetTest, ResNextsHaveAsManyParametersAsPublished) {
  const std::map<std::string, int64_t> published = {
      {"resnext50_32x4d", 25'028'904}, {"resnext101_32x8d", 88'791'336}, {"resnext101_64x4d", 83'455'272}};
  for (const auto& [name, count] : published)
    EXPECT_EQ(count_parameters(ResNet(ResNetOptions{name})), count - 2048 * 1000 - 1000) << name;
}

// The lists hold every name and shape of the published networks, line by line.
TEST(ResNetTest, NamesAndShapesArePublishedOnes) {
  const std::map<std::string, std::string> lists = {
      {"resnet50", "resnet50"}, {"resnet152", "resnet152"}, {"clip-rn50", "clip_rn50"}, {"clip-rn50x4", "clip_rn50x4"}};
  for (const auto& [backbone, list] : lists) {
    std::ifstream file(VQA_SOURCE_DIR "/tests/vision/files/" + list + "_shapes.txt");
    std::map<std::string, std::string> published;
    for (std::string name, shape; file >> name && std::getline(file >> std::ws, shape);) published[name] = shape;
    ASSERT_GE(published.size(), 318u) << list;
    EXPECT_EQ(names_and_shapes(ResNet(ResNetOptions{backbone})), published);
  }
}

TEST(ResNetTest, ResNextConvolvesInGroups) {
  const auto shapes = names_and_shapes(ResNet(ResNetOptions{"resnext50_32x4d"}));
  EXPECT_EQ(shapes.at("layer1.0.conv1.weight"), "[128, 64, 1, 1]");
  EXPECT_EQ(shapes.at("layer1.0.conv2.weight"), "[128, 4, 3, 3]");
  EXPECT_EQ(shapes.at("layer1.0.conv3.weight"), "[256, 128, 1, 1]");
  EXPECT_EQ(shapes.at("layer4.2.conv2.weight"), "[1024, 32, 3, 3]");
  const auto wide = names_and_shapes(ResNet(ResNetOptions{"resnext101_64x4d"}));
  EXPECT_EQ(wide.at("layer3.22.conv2.weight"), "[1024, 16, 3, 3]");
}

// A group sees only its own channels: silencing those of the first group changes the first group's output alone.
TEST(ResNetTest, GroupsAreApart) {
  ResNet network(ResNetOptions{"resnext50_32x4d"});
  auto* conv = network->named_modules()["layer1.0.conv2"]->as<torch::nn::Conv2d>();
  torch::Tensor x = torch::randn({1, 128, 5, 5});
  const torch::NoGradGuard no_grad;
  const torch::Tensor before = conv->forward(x);
  x.slice(1, 0, 4).zero_();
  const torch::Tensor change = (conv->forward(x) - before).abs().amax({0, 2, 3});
  EXPECT_GT(change.slice(0, 0, 4).min().item<float>(), 1e-3f);
  EXPECT_EQ(change.slice(0, 4).max().item<float>(), 0);
}

TEST(ResNetTest, ClipPoolsWhereOthersStride) {
  const std::map<std::string, int64_t> channels = {{"clip-rn50", 2048}, {"clip-rn50x4", 2560}};
  for (const auto& [name, count] : channels) {
    ResNet network(ResNetOptions{name});
    EXPECT_EQ(network->channels(), count);
    EXPECT_EQ(network->stride(), 32);
    EXPECT_EQ(grid_shape(network, 64, 97), (std::vector<int64_t>{1, count, 2, 3}));
    EXPECT_EQ(grid_shape(network, 31, 32), (std::vector<int64_t>{1, count, 1, 1}));
  }
}

TEST(ResNetTest, ImageTooSmallForClipIsNamed) {
  ResNet network(ResNetOptions{"clip-rn50"});
  try {
    grid_shape(network, 64, 30);
    FAIL() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "image of 64x30 pixels: this backbone needs 31 a side or more");
  }
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
  EXPECT_EQ(vision::ResNetImpl::names().size(), 14u);
}

TEST(ResNetTest, FrozenStaysAsItIsInATrainingParent) {
  Parent parent;
  parent.network->set_frozen(true);
  parent.train();
  EXPECT_TRUE(parent.is_training());
  for (const auto& module : parent.network->modules()) EXPECT_FALSE(module->is_training()) << module->name();
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : data::network_tensors(*parent.network).tensors) before[name] = tensor.clone();
  const torch::Tensor grid = parent.network->forward(torch::randn({2, 3, 32, 32}));
  EXPECT_FALSE(grid.requires_grad());
  for (const auto& [name, tensor] : data::network_tensors(*parent.network).tensors)
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
