// Plans on photographs, which stand beside the checkout.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/golden/fill.h"
#include "tests/golden/golden.h"
#include "vision/image.h"
#include "vision/image_transform.h"
#include "vision/inference_plan.h"

namespace {

namespace fs = std::filesystem;

class RealPhotographsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(folder_)) GTEST_SKIP() << "needs photographs beside the checkout: " << folder_ << " is not there";
  }

  /// The first `count` photographs of a split, (I, 3, 224, 224).
  torch::Tensor photographs(const std::string& split, size_t count) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_ / split)) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    const vision::ImageTransform transform({.size = "224"});
    std::vector<torch::Tensor> images;
    for (size_t i = 0; i < std::min(count, paths.size()); ++i)
      images.push_back(transform.resize(vision::read_image(paths[i])));
    return transform.normalize(torch::stack(images));
  }

  const fs::path folder_ = fs::path(VQA_SOURCE_DIR) / ".." / "shared" / "vqa2-mini";
};

/// The smallest over the images.
double least_cosine(const torch::Tensor& ours, const torch::Tensor& expected) {
  return torch::cosine_similarity(ours.flatten(1), expected.flatten(1), 1).min().item<double>();
}

}  // namespace

TEST_F(RealPhotographsTest, PlansSeeWhatTheNetworkSees) {
  vision::ResNet network(vision::ResNetOptions{"resnet152"});
  golden::fill_module(*network, 0);
  network->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = photographs("val2014", 6);
  const torch::Tensor expected = network->forward(images);

  EXPECT_LT(golden::relative_error(vision::InferencePlan(network).forward(images), expected), 1e-4);
  const vision::InferenceOptions int8{.precision = "int8", .calibration = photographs("train2014", 4)};
  const double cosine = least_cosine(vision::InferencePlan(network, int8).forward(images), expected);
  RecordProperty("int8_cosine", std::to_string(cosine));
  EXPECT_GE(cosine, 0.995);
}
