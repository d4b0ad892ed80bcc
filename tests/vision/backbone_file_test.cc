#include "vision/backbone_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/safetensors.h"
#include "data/weights.h"
#include "tests/data/error_of.h"
#include "tests/temporary_folder.h"
#include "vision/frozen_backbone.h"
#include "vision/resnet.h"

namespace vision {
namespace {

using testing::HasSubstr;

class BackboneFileTest : public testing::Test {
 protected:
  BackboneFileTest() {
    network_->eval();
    for (const auto& [name, tensor] : data::network_tensors(*network_).tensors)
      file_.tensors["module." + name] = tensor;
  }
  data::TensorFile read(std::string* left_over = nullptr) const {
    data::write_safetensors(folder_ / "w", file_);
    return read_backbone("resnet-shapes", folder_ / "w", left_over);
  }

  TemporaryFolder folder_;
  ResNet network_{ResNetOptions{"resnet-shapes"}};
  data::TensorFile file_;
};

TEST_F(BackboneFileTest, TensorsHaveTheBackbonesOwnNames) {
  file_.tensors["module.fc.weight"] = torch::zeros({2, 96});
  file_.tensors["epoch"] = torch::tensor(3);
  const torch::Tensor images = torch::randn({2, 3, 64, 64});
  const torch::NoGradGuard no_grad;
  const torch::Tensor expected = network_->forward(images);
  EXPECT_TRUE(torch::allclose(FrozenBackbone("resnet-shapes", read()).forward(images), expected, 1e-4, 1e-4));
}

TEST_F(BackboneFileTest, SaysWhatElseIsThere) {
  std::string left_over;
  read(&left_over);
  EXPECT_EQ(left_over, "");
  file_.tensors["module.fc.weight"] = torch::zeros({2, 96});
  read(&left_over);
  EXPECT_THAT(left_over, HasSubstr("w: also holds 'fc.weight', which resnet-shapes has no use for"));
}

TEST_F(BackboneFileTest, OldFilesHaveNoCounters) {
  std::erase_if(file_.tensors, [](const auto& item) { return item.first.ends_with("num_batches_tracked"); });
  EXPECT_EQ(read().tensors.size(), file_.tensors.size());
}

TEST_F(BackboneFileTest, SaysWhatIsMissing) {
  for (const char* name : {"bn1.bias", "conv1.weight", "layer1.0.bn1.bias", "layer1.0.bn1.weight"})
    file_.tensors.erase(std::string("module.") + name);
  EXPECT_THAT(error_of<std::runtime_error>([&] { read(); }),
              HasSubstr("w: lacks what resnet-shapes has: 'bn1.bias', 'conv1.weight', 'layer1.0.bn1.bias' and 1 more"));
}

TEST_F(BackboneFileTest, SaysWhatIsAnotherBackbones) {
  file_.tensors["module.layer1.7.conv1.weight"] = torch::zeros({2});
  EXPECT_THAT(error_of<std::runtime_error>([&] { read(); }),
              HasSubstr("w: holds more than what resnet-shapes has: 'layer1.7.conv1.weight'; is it another"));
}

TEST_F(BackboneFileTest, OfTwoNetworksNoneIsTaken) {
  for (const auto& [name, tensor] : data::network_tensors(*network_).tensors) file_.tensors["ema." + name] = tensor;
  EXPECT_THAT(error_of<std::runtime_error>([&] { read(); }), HasSubstr("w: holds two such networks, their names "
                                                                       "beginning with 'ema.' and 'module.'"));
  file_.tensors.erase("ema.conv1.weight");
  EXPECT_NO_THROW(read());
}

TEST_F(BackboneFileTest, NamesBothShapes) {
  file_.tensors["module.conv1.weight"] = torch::zeros({4, 3, 3, 3});
  EXPECT_THAT(error_of<std::runtime_error>([&] { read(); }),
              AllOf(HasSubstr("w: module.conv1.weight is [4, 3, 3, 3]"), HasSubstr("[32, 3, 3, 3]")));
}

TEST_F(BackboneFileTest, AGpuHasOnePrecision) {
  const FrozenBackboneOptions options{.precision = "bfloat16", .device = torch::kCUDA};
  EXPECT_THAT(error_of<std::invalid_argument>([&] { FrozenBackbone("resnet-shapes", read(), options); }),
              HasSubstr("float32 on a GPU"));
}

}  // namespace
}  // namespace vision
