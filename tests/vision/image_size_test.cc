#include "vision/image_size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/data/error_of.h"

namespace vision {
namespace {

using testing::HasSubstr;

TEST(ImageSize, SquareStretches) {
  const ImageSize size = ImageSize::parse("448");
  EXPECT_TRUE(size.is_square());
  EXPECT_EQ(size.of({480, 640}), (Extent{448, 448}));
  EXPECT_EQ(size.of({1, 9000}), (Extent{448, 448}));
}

// The extents that grid features were published with, from COCO's commonest ones.
TEST(ImageSize, ShorterSideWithACap) {
  const ImageSize size = ImageSize::parse("600/1000");
  EXPECT_FALSE(size.is_square());
  EXPECT_EQ(size.of({480, 640}), (Extent{600, 800}));
  EXPECT_EQ(size.of({640, 480}), (Extent{800, 600}));
  EXPECT_EQ(size.of({393, 640}), (Extent{600, 977}));
  EXPECT_EQ(size.of({416, 640}), (Extent{600, 923}));
  EXPECT_EQ(size.of({240, 640}), (Extent{375, 1000}));  // capped
  EXPECT_EQ(size.of({1200, 1600}), (Extent{600, 800}));
  EXPECT_EQ(size.of({41, 400}), (Extent{103, 1000}));  // 102.5 is rounded up
}

TEST(ImageSize, LongerSideGrowsAndShrinks) {
  const ImageSize size = ImageSize::parse("/1000");
  EXPECT_EQ(size.of({480, 640}), (Extent{750, 1000}));
  EXPECT_EQ(size.of({4000, 3000}), (Extent{1000, 750}));
}

TEST(ImageSize, NoSideVanishes) {
  EXPECT_EQ(ImageSize::parse("600/1000").of({3, 20000}), (Extent{1, 1000}));
  EXPECT_EQ(ImageSize::parse("/8").of({20000, 1}), (Extent{8, 1}));
}

// Backbones make one cell of 32 x 32 pixels, rounded up.
TEST(ImageSize, GridIsAtMost19By32Cells) {
  const ImageSize size = ImageSize::parse("600/1000");
  const auto cells = [](int64_t pixels) { return (pixels + 31) / 32; };
  int64_t most = 0;
  for (int64_t height = 1; height <= 1300; height += 3) {
    for (int64_t width = 1; width <= 1300; width += 2) {
      const Extent extent = size.of({height, width});
      const auto [shorter, longer] = std::minmax({cells(extent.height), cells(extent.width)});
      ASSERT_LE(shorter, 19) << height << " x " << width;
      ASSERT_LE(longer, 32) << height << " x " << width;
      most = std::max(most, shorter * longer);
    }
  }
  EXPECT_EQ(most, 19 * 32);
}

TEST(ImageSize, RefusesAnythingElse) {
  const char* const wrong[] = {"",         "0",   "8193",   "-5",        "+5",
                               " 64",      "64 ", "64x64",  "4.5",       "/",
                               "600/",     "/0",  "0/1000", "1000/600",  "600/1000/3",
                               "600/8193", "a/b", "600 /1", "600/1000 ", "99999999999999999999"};
  for (const std::string text : wrong) {
    const std::string error = error_of<std::invalid_argument>([&] { ImageSize::parse(text); });
    EXPECT_THAT(error, testing::StartsWith("image-size: '" + text + "'; allowed is ")) << text;
    EXPECT_THAT(error, HasSubstr("1 to 8192 pixels"));
  }
  EXPECT_EQ(ImageSize::parse("8192").square, 8192);
  EXPECT_EQ(ImageSize::parse("700/700").shorter, 700);
}

}  // namespace
}  // namespace vision
