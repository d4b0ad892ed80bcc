#include "data/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/safetensors.h"
#include "tests/temporary_folder.h"
#include "vision/resnet.h"

using data::LoadOptions;
using data::LoadReport;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using vision::ResNet;
using vision::ResNetOptions;

namespace {

/// Weights of another network: all its own memory.
data::TensorFile other_weights() {
  torch::manual_seed(99);
  const ResNet other(ResNetOptions{"resnet-shapes"});
  data::TensorFile file;
  for (const auto& [name, tensor] : data::network_tensors(*other).tensors)
    file.tensors[name] = name.ends_with("running_mean") ? tensor + 0.25 : tensor.clone();
  return file;
}

class WeightsTest : public testing::Test {
 protected:
  WeightsTest() {
    torch::manual_seed(1);
    network_ = ResNet(ResNetOptions{"resnet-shapes"});
  }
  torch::Tensor value(const std::string& name) { return data::network_tensors(*network_).at(name); }

  ResNet network_{nullptr};
};

}  // namespace

TEST_F(WeightsTest, FileRoundTripsToTheSameNetwork) {
  const TemporaryFolder folder;
  data::write_safetensors(folder / "w.safetensors", data::network_tensors(*network_));
  torch::manual_seed(2);
  ResNet second(ResNetOptions{"resnet-shapes"});
  const LoadReport report = data::load_weights(*second, data::read_safetensors(folder / "w.safetensors"));
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, IsEmpty());
  const torch::Tensor images = torch::randn({2, 3, 32, 32});
  EXPECT_TRUE(torch::equal(network_->forward(images), second->forward(images)));
}

TEST_F(WeightsTest, ReportsLeftoversAndLacks) {
  data::TensorFile file = other_weights();
  file.tensors.erase("layer2.0.bn1.bias");
  file.tensors.erase("conv1.weight");
  file.tensors.erase("bn1.num_batches_tracked");  // as in old files: no reason to complain
  file.tensors["fc.weight"] = torch::zeros({3, 3});
  const torch::Tensor kept = value("conv1.weight").clone();
  const LoadReport report = data::load_weights(*network_, file);
  EXPECT_THAT(report.missing, ElementsAre("conv1.weight", "layer2.0.bn1.bias"));
  EXPECT_THAT(report.unexpected, ElementsAre("fc.weight"));
  EXPECT_TRUE(torch::equal(value("conv1.weight"), kept));
  EXPECT_TRUE(torch::equal(value("bn1.running_mean"), file.at("bn1.running_mean")));
}

TEST_F(WeightsTest, PrefixPicksThePartOfAFile) {
  data::TensorFile file;
  for (const auto& [name, tensor] : other_weights().tensors) file.tensors["backbone." + name] = tensor;
  file.tensors["classifier.weight"] = torch::zeros({2});
  file.tensors["conv1.weight"] = torch::zeros({1});  // another one's, of another shape
  LoadOptions options;
  options.prefix = "backbone.";
  const LoadReport report = data::load_weights(*network_, file, options);
  EXPECT_THAT(report.missing, IsEmpty());
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_TRUE(torch::equal(value("conv1.weight"), file.at("backbone.conv1.weight")));
}

TEST_F(WeightsTest, PrefixIsFound) {
  for (const std::string prefix : {"", "module.", "visual.", "module.backbone.", "encoder."}) {
    data::TensorFile file;
    for (const auto& [name, tensor] : other_weights().tensors) file.tensors[prefix + name] = tensor;
    file.tensors[prefix + "fc.weight"] = torch::zeros({3, 3});
    file.tensors["a.conv1.weight"] = torch::zeros({1});  // one name under another prefix
    EXPECT_EQ(data::find_prefix(data::network_tensors(*network_), file), prefix);
    const LoadReport report = data::load_weights(*network_, file);
    EXPECT_EQ(report.prefix, prefix);
    EXPECT_THAT(report.missing, IsEmpty());
    EXPECT_EQ(report.unexpected.front(), prefix.empty() ? "a.conv1.weight" : "fc.weight");
    EXPECT_TRUE(torch::equal(value("conv1.weight"), file.at(prefix + "conv1.weight")));
    torch::nn::init::zeros_(network_->named_parameters()["conv1.weight"]);
  }
}

TEST_F(WeightsTest, WhatIsUnderOtherPrefixesIsOnlyCounted) {
  data::TensorFile file;
  for (const auto& [name, tensor] : other_weights().tensors) file.tensors["visual." + name] = tensor;
  file.tensors["visual.attnpool.weight"] = torch::zeros({2});
  for (const std::string name : {"logit_scale", "transformer.a", "transformer.b"})
    file.tensors[name] = torch::zeros({2});
  const LoadReport report = data::load_weights(*network_, file);
  EXPECT_THAT(report.unexpected, ElementsAre("attnpool.weight"));
  EXPECT_EQ(report.elsewhere, 3);
}

TEST_F(WeightsTest, OfTwoPrefixesTheShorterThenTheFirstIsTaken) {
  data::TensorFile file;
  for (const auto& [name, tensor] : other_weights().tensors) {
    for (const std::string prefix : {"query.", "key.", "ema."}) file.tensors[prefix + name] = tensor;
  }
  EXPECT_EQ(data::find_prefix(data::network_tensors(*network_), file), "ema.");
}

TEST_F(WeightsTest, WithoutOneKnownNameThePrefixIsEmpty) {
  data::TensorFile file;
  file.tensors["head.weight"] = torch::zeros({2});
  EXPECT_EQ(data::find_prefix(data::network_tensors(*network_), file), "");
  EXPECT_EQ(data::load_weights(*network_, file).unexpected.size(), 1u);
}

TEST_F(WeightsTest, AnEmptyPrefixThatIsAskedForStays) {
  data::TensorFile file;
  for (const auto& [name, tensor] : other_weights().tensors) file.tensors["module." + name] = tensor;
  LoadOptions options;
  options.prefix = "";
  const LoadReport report = data::load_weights(*network_, file, options);
  EXPECT_EQ(report.unexpected.size(), file.tensors.size());
  EXPECT_EQ(report.elsewhere, 0);
}

TEST_F(WeightsTest, WrongShapeNamesBothAndChangesNothing) {
  data::TensorFile file = other_weights();
  file.tensors["layer4.0.conv1.weight"] = torch::zeros({5, 4, 3, 3});
  const torch::Tensor kept = value("conv1.weight").clone();
  LoadOptions options;
  options.file = "some/where.safetensors";
  try {
    data::load_weights(*network_, file, options);
    FAIL() << "accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("some/where.safetensors: layer4.0.conv1.weight"));
    EXPECT_THAT(error.what(), HasSubstr("[5, 4, 3, 3]"));
    EXPECT_THAT(error.what(), HasSubstr("[96, 64, 3, 3]"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
  EXPECT_TRUE(torch::equal(value("conv1.weight"), kept));
}

TEST_F(WeightsTest, HalfPrecisionIsWidened) {
  data::TensorFile file = other_weights();
  const torch::Tensor half = file.at("conv1.weight").to(torch::kFloat16);
  file.tensors["conv1.weight"] = half;
  file.tensors["bn1.weight"] = torch::full({32}, 0.5, torch::kBFloat16);
  data::load_weights(*network_, file);
  EXPECT_EQ(value("conv1.weight").scalar_type(), torch::kFloat32);
  EXPECT_TRUE(torch::equal(value("conv1.weight"), half.to(torch::kFloat32)));
  EXPECT_TRUE(value("bn1.weight").eq(0.5).all().item<bool>());
}

TEST_F(WeightsTest, WholeNumbersAreNoWeights) {
  data::TensorFile file = other_weights();
  file.tensors["bn1.weight"] = torch::ones({32}, torch::kInt64);
  EXPECT_THROW(data::load_weights(*network_, file), std::runtime_error);
}
