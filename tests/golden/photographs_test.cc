// The golden cases that need photographs, where these lie beside the checkout.
#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace golden {
namespace {

TEST(Photographs, AreDecodedAndResizedAsPillowDoes) {
  const std::filesystem::path folder = std::filesystem::path(VQA_SOURCE_DIR) / ".." / "shared" / "golden";
  for (const Case& each : cases()) {
    if (each.name != "pil_resize") continue;
    if (const auto missing = each.missing(folder)) GTEST_SKIP() << *missing << " is not there";
    const auto comparisons = each.run(folder, 0);
    EXPECT_EQ(comparisons.size(), 4u);
    for (const Comparison& comparison : comparisons)
      EXPECT_LE(comparison.error, comparison.tolerance) << comparison.quantity;
    return;
  }
  FAIL() << "there is no such case";
}

}  // namespace
}  // namespace golden
