#include "tests/golden/golden_vision.h"

#include <gtest/gtest.h>

namespace {

const std::filesystem::path kFolder = VQA_SOURCE_DIR "/tests/golden";

void expect_equal(const std::vector<golden::Comparison>& comparisons, size_t count) {
  EXPECT_EQ(comparisons.size(), count);
  for (const golden::Comparison& comparison : comparisons)
    EXPECT_LE(comparison.error, comparison.tolerance) << comparison.quantity;
}

}  // namespace

TEST(GoldenVisionTest, ResNet18) { expect_equal(golden::resnet18(kFolder, 0), 1); }
TEST(GoldenVisionTest, ResNet50) { expect_equal(golden::resnet50(kFolder, 0), 2); }
TEST(GoldenVisionTest, ResNet101) { expect_equal(golden::resnet101(kFolder, 0), 1); }
TEST(GoldenVisionTest, ResNet152) { expect_equal(golden::resnet152(kFolder, 0), 2); }

TEST(GoldenVisionTest, OtherWeightsAreNoticed) {
  for (const golden::Comparison& comparison : golden::resnet18(kFolder, 1)) EXPECT_GT(comparison.error, 0.01);
}
