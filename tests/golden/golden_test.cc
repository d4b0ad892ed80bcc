#include <gtest/gtest.h>

#include "tests/golden/fill.h"
#include "tests/golden/golden.h"

namespace golden {
namespace {

class GoldenTest : public testing::TestWithParam<Case> {};

TEST_P(GoldenTest, MatchesPublishedCode) {
  const std::filesystem::path folder = std::filesystem::path(VQA_SOURCE_DIR) / "tests" / "golden";
  if (const auto missing = GetParam().missing(folder)) GTEST_SKIP() << *missing << " is not there";
  const auto comparisons = GetParam().run(folder, 0);
  EXPECT_FALSE(comparisons.empty());
  for (const Comparison& comparison : comparisons)
    EXPECT_LE(comparison.error, comparison.tolerance) << comparison.quantity;
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

// A check that cannot fail is none: other weights are noticed.
TEST(GoldenCase, AnotherSaltFails) {
  const std::string folder = std::string(VQA_SOURCE_DIR) + "/tests/golden";
  for (const Case& each : cases()) {
    if (each.name != "mcan_tiny" && each.name != "dba_tiny" && each.name != "dba_cross_small") continue;
    EXPECT_GT(each.run(folder, 1).front().error, 0.01) << each.name;
  }
}

TEST(Uniform, IsTheDocumentedSequence) {
  const torch::Tensor first = torch::tensor({-0.341763139, 0.00343084335, 0.281855166, -0.470728219}, torch::kFloat32);
  const torch::Tensor second = torch::tensor({-0.284757555, -0.0859803557, -0.312705398, 0.256804824}, torch::kFloat32);
  EXPECT_TRUE(torch::equal(uniform("image.resnet18", {4}, 0), first));
  EXPECT_TRUE(torch::equal(uniform("image.resnet18", {4}, 1), second));
}

}  // namespace
}  // namespace golden
