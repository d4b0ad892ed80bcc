#include "vision/inference_plan.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/weights.h"
#include "tests/golden/fill.h"
#include "tests/golden/golden.h"
#include "vision/backbone_file.h"

using testing::HasSubstr;
using vision::InferencePlan;
using vision::ResNet;
using vision::ResNetOptions;

namespace {

ResNet filled(const std::string& backbone) {
  ResNet network(ResNetOptions{backbone});
  golden::fill_module(*network, 0);
  network->eval();
  return network;
}

/// What `call` throws, as text.
template <class Error, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Shapes and number types by name.
std::map<std::string, std::string> described(const data::TensorFile& file) {
  std::map<std::string, std::string> all;
  for (const auto& [name, tensor] : file.tensors)
    all[name] = torch::str(tensor.sizes(), " ", c10::toString(tensor.scalar_type()));
  return all;
}

class InferencePlanTest : public testing::TestWithParam<std::string> {};

}  // namespace

TEST_P(InferencePlanTest, GivesWhatTheNetworkGives) {
  ResNet network = filled(GetParam());
  InferencePlan plan(network);
  EXPECT_EQ(plan.channels(), network->channels());
  EXPECT_EQ(plan.stride(), network->stride());
  EXPECT_EQ(described(vision::backbone_tensors(network->shape())), described(data::network_tensors(*network)));
  const torch::NoGradGuard no_grad;
  // Smaller after larger: buffers are larger than needed then.
  for (const auto& [images, height, width] : {std::array<int64_t, 3>{2, 97, 64}, {3, 33, 50}, {1, 64, 131}}) {
    const torch::Tensor x = torch::randn({images, 3, height, width});
    EXPECT_LT(golden::relative_error(plan.forward(x), network->forward(x)), 2e-5) << height << "x" << width;
  }
}

// All but clip-rn50x64, which has 1.7 GB of weights and no kind of convolution that others lack.
INSTANTIATE_TEST_SUITE_P(All, InferencePlanTest,
                         testing::Values("resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
                                         "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "clip-rn50",
                                         "clip-rn101", "clip-rn50x4", "clip-rn50x16", "resnet-shapes"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(InferencePlan, GridIsTheCallersAndChannelsLast) {
  InferencePlan plan(filled("resnet18"));
  const torch::Tensor grid = plan.forward(torch::randn({2, 3, 64, 64}));
  const torch::Tensor before = grid.clone();
  plan.forward(torch::randn({2, 3, 64, 64}));
  EXPECT_TRUE(torch::equal(grid, before));
  EXPECT_TRUE(grid.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(grid.scalar_type(), torch::kFloat32);
}

// Of images this large, the first layers take two at a time.
TEST(InferencePlan, LargeBatchesAreDoneInParts) {
  ResNet network = filled("resnet50");
  const torch::Tensor images = torch::randn({5, 3, 300, 357});
  const torch::NoGradGuard no_grad;
  EXPECT_LT(golden::relative_error(InferencePlan(network).forward(images), network->forward(images)), 2e-5);
}

TEST(InferencePlan, RunsOnceToTheSameBits) {
  const ResNet network = filled("resnet50");
  InferencePlan plan(network), once(network, {.runs_once = true});
  for (const int64_t side : {97, 64}) {
    const torch::Tensor images = torch::randn({2, 3, side, side});
    EXPECT_TRUE(torch::equal(plan.forward(images), once.forward(images)));
  }
}

TEST(InferencePlan, LeavesImagesAndNetworkAlone) {
  ResNet network = filled("resnet-shapes");
  const torch::Tensor images = torch::randn({2, 3, 64, 64}).contiguous(at::MemoryFormat::ChannelsLast);
  const torch::Tensor before = images.clone();
  const torch::Tensor weight = network->parameters().front().clone();
  InferencePlan plan(network);
  EXPECT_FALSE(plan.forward(images).requires_grad());
  EXPECT_TRUE(torch::equal(images, before));
  EXPECT_TRUE(torch::equal(network->parameters().front(), weight));
  EXPECT_TRUE(network->parameters().front().requires_grad());
}

TEST(InferencePlan, AGridCanBeTrainedOn) {
  InferencePlan plan(filled("resnet-shapes"));
  const torch::Tensor projection = torch::randn({plan.channels()}).requires_grad_();
  (plan.forward(torch::randn({1, 3, 64, 64})).mean({0, 2, 3}) * projection).sum().backward();
  EXPECT_TRUE(projection.grad().defined());
}

TEST(InferencePlan, ThreadsDoNotChangeTheGrid) {
  InferencePlan plan(filled("resnet50"));
  const torch::Tensor images = torch::randn({1, 3, 96, 80});
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const torch::Tensor one = plan.forward(images);
  at::set_num_threads(4);
  const torch::Tensor four = plan.forward(images);
  at::set_num_threads(before);
  EXPECT_LT(golden::relative_error(four, one), 1e-6);
}

TEST(InferencePlan, TakesHalfPrecisionWeightsByName) {
  ResNet network = filled("resnet18");
  data::TensorFile file = data::network_tensors(*network);
  for (auto& [name, tensor] : file.tensors) {
    if (!tensor.is_floating_point()) continue;
    const torch::NoGradGuard no_grad;
    tensor.copy_(tensor.to(torch::kFloat16));  // so that both hold the same numbers
    tensor = tensor.detach().to(torch::kFloat16);
  }
  file.tensors["fc.weight"] = torch::zeros({1000, 512});
  const torch::Tensor images = torch::randn({1, 3, 64, 64});
  const torch::NoGradGuard no_grad;
  EXPECT_LT(golden::relative_error(InferencePlan("resnet18", file).forward(images), network->forward(images)), 2e-5);
}

TEST(InferencePlan, MissingTensorIsNamed) {
  data::TensorFile file = data::network_tensors(*filled("resnet18"));
  file.tensors.erase("layer3.1.bn2.running_var");
  EXPECT_EQ(message_of<std::runtime_error>([&] { InferencePlan("resnet18", file); }),
            "weights: tensor 'layer3.1.bn2.running_var' is missing");
}

TEST(InferencePlan, WrongShapeNamesBoth) {
  data::TensorFile file = data::network_tensors(*filled("resnet18"));
  file.tensors["layer2.0.conv1.weight"] = torch::zeros({128, 64, 1, 1});
  EXPECT_EQ(message_of<std::runtime_error>([&] { InferencePlan("resnet18", file); }),
            "weights: tensor 'layer2.0.conv1.weight' has shape [128, 64, 1, 1]; the backbone needs [128, 64, 3, 3]");
}

TEST(InferencePlan, UnknownNamesAreRefused) {
  EXPECT_THAT(message_of<std::invalid_argument>([] { InferencePlan("resnet9", {}); }), HasSubstr("resnet9"));
  EXPECT_EQ(message_of<std::invalid_argument>([] { vision::check_precision("float16"); }),
            "precision: 'float16'; allowed are float32, bfloat16, int8");
}

TEST(InferencePlan, TooSmallImageIsRefused) {
  InferencePlan plan(filled("clip-rn50"));
  EXPECT_THAT(message_of<std::invalid_argument>([&] {
                plan.forward(torch::zeros({1, 3, 30, 64}));
              }),
              HasSubstr("image of 30x64 pixels"));
}

TEST(InferencePlan, BFloat16IsCloseOrRefused) {
  ResNet network = filled("resnet50");
  const vision::InferenceOptions options{.precision = "bfloat16"};
  if (!__builtin_cpu_supports("avx512bf16")) {
    EXPECT_EQ(message_of<std::invalid_argument>([&] { InferencePlan(network, options); }),
              "precision: 'bfloat16'; this processor has no bfloat16 arithmetic; use float32");
    return;
  }
  const torch::Tensor images = torch::randn({2, 3, 97, 128});
  const torch::NoGradGuard no_grad;
  const torch::Tensor ours = InferencePlan(network, options).forward(images).flatten();
  EXPECT_EQ(ours.scalar_type(), torch::kFloat32);
  EXPECT_GT(torch::cosine_similarity(ours, network->forward(images).flatten(), 0).item<double>(), 0.999);
}

// By pictures of the same kind, of another size and number.
TEST(InferencePlan, Int8IsClose) {
  for (const std::string backbone : {"resnet50", "clip-rn50", "resnext50_32x4d"}) {
    ResNet network = filled(backbone);
    torch::manual_seed(1);
    const vision::InferenceOptions options{.precision = "int8", .calibration = torch::randn({3, 3, 64, 96})};
    InferencePlan plan(network, options);
    const torch::Tensor images = torch::randn({2, 3, 97, 128});
    const torch::NoGradGuard no_grad;
    const torch::Tensor expected = network->forward(images).flatten();
    const torch::Tensor ours = plan.forward(images).flatten();
    EXPECT_GT(torch::cosine_similarity(ours, expected, 0).item<double>(), 0.995) << backbone;
    EXPECT_GT(golden::relative_error(ours, expected), 1e-4) << backbone << " was not computed in 8 bits";
  }
}

TEST(InferencePlan, Int8WantsPictures) {
  const vision::InferenceOptions none{.precision = "int8"};
  EXPECT_EQ(message_of<std::invalid_argument>([&] { InferencePlan(filled("resnet18"), none); }),
            "precision: 'int8'; it needs images to calibrate by");
}
