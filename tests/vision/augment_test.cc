#include "vision/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <set>

using vision::Augmentation;
using vision::AugmentOptions;

namespace {

constexpr AugmentOptions kAll{.crop = 0.5, .rotate = 30, .brightness = 0.4, .contrast = 0.6};

/// Every pixel differs from its neighbours, and channels from each other.
cv::Mat gradient(int height, int width) {
  cv::Mat rgb(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      rgb.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<unsigned char>(5 * y), static_cast<unsigned char>(3 * x),
                                          static_cast<unsigned char>(2 * x + y));
  }
  return rgb;
}

cv::Mat grey(unsigned char value) { return {8, 8, CV_8UC3, cv::Scalar::all(value)}; }

cv::Mat changed(const AugmentOptions& options, uint64_t seed, const cv::Mat& rgb) {
  cv::Mat copy = rgb.clone();
  Augmentation(options, seed).change(copy);
  return copy;
}

bool same(const cv::Mat& a, const cv::Mat& b) { return a.size() == b.size() && cv::norm(a, b, cv::NORM_INF) == 0; }

/// The kept part of a picture of gradient's, as (top, left, height, width).
cv::Rect part(const cv::Mat& whole, const cv::Mat& cropped) {
  cv::Size size;
  cv::Point at;
  cropped.locateROI(size, at);
  EXPECT_EQ(size, whole.size());
  return {at, cropped.size()};
}

}  // namespace

TEST(AugmentTest, NoStrengthChangesNothing) {
  const cv::Mat picture = gradient(12, 20);
  for (const uint64_t seed : {0, 1, 2, 3}) {
    EXPECT_EQ(Augmentation({}, seed).crop(picture).data, picture.data);
    EXPECT_TRUE(same(Augmentation({}, seed).crop(picture), picture));
    EXPECT_TRUE(same(changed({}, seed, picture), picture));
  }
}

TEST(AugmentTest, TheSeedDecidesEverything) {
  const cv::Mat picture = gradient(40, 50);
  const auto both = [&](uint64_t seed) {
    const Augmentation augmentation(kAll, seed);
    cv::Mat result = augmentation.crop(picture).clone();
    augmentation.change(result);
    return result;
  };
  EXPECT_TRUE(same(both(7), both(7)));
  EXPECT_FALSE(same(both(7), both(8)));
}

TEST(AugmentTest, SizesStayAndPicturesKeepTheirNumbersWithinBounds) {
  const cv::Mat picture = gradient(9, 14);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const cv::Mat result = changed(kAll, seed, picture);
    EXPECT_EQ(result.size(), picture.size());
    EXPECT_EQ(result.type(), CV_8UC3);
  }
  // Black and white are held where they are pushed past the end, instead of wrapping round.
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const AugmentOptions bright{.brightness = 1};
    const int from_black = changed(bright, seed, grey(0)).at<cv::Vec3b>(4, 4)[0];
    const int from_white = changed(bright, seed, grey(255)).at<cv::Vec3b>(4, 4)[0];
    EXPECT_TRUE(from_black == 0 || from_white == 255) << from_black << " " << from_white;
    EXPECT_GE(from_white, from_black);
  }
}

TEST(AugmentTest, CropsKeepTheirShareOfEverySideAndReachAllOfThePicture) {
  const cv::Mat picture = gradient(100, 200);
  std::set<int> tops, lefts;
  int least_height = 100, least_width = 200;
  bool reaches_bottom = false;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const cv::Rect kept = part(picture, Augmentation({.crop = 0.4}, seed).crop(picture));
    EXPECT_GE(kept.height, 60);
    EXPECT_GE(kept.width, 120);
    least_height = std::min(least_height, kept.height);
    least_width = std::min(least_width, kept.width);
    tops.insert(kept.y);
    lefts.insert(kept.x);
    reaches_bottom = reaches_bottom || (kept.y > 0 && kept.br().y == 100);
  }
  EXPECT_LE(least_height, 62);  // the whole range is drawn from
  EXPECT_LE(least_width, 124);
  EXPECT_GE(tops.size(), 30U);
  EXPECT_GE(lefts.size(), 60U);
  EXPECT_TRUE(reaches_bottom);
}

TEST(AugmentTest, ACropOfAlmostEverythingLeavesAPixel) {
  const cv::Mat tiny = gradient(1, 2);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const cv::Mat kept = Augmentation({.crop = 0.999}, seed).crop(tiny);
    EXPECT_EQ(kept.rows, 1);
    EXPECT_GE(kept.cols, 1);
  }
}

TEST(AugmentTest, BrightnessMovesAndContrastStretchesAboutGrey) {
  std::set<int> greys;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const int moved = changed({.brightness = 0.2}, seed, grey(100)).at<cv::Vec3b>(0, 0)[1];
    EXPECT_NEAR(moved, 100, 51);
    greys.insert(moved);
    // 127.5 stays; 27.5 and 227.5 move by the same amount, so that values 28 and 227 stay mirror images.
    const AugmentOptions contrast{.contrast = 0.5};
    const int dark = changed(contrast, seed, grey(28)).at<cv::Vec3b>(0, 0)[0];
    const int light = changed(contrast, seed, grey(227)).at<cv::Vec3b>(0, 0)[0];
    EXPECT_NEAR(dark + light, 255, 1);
    EXPECT_NEAR(127.5 - dark, 99.5, 50.5);
    EXPECT_NEAR(changed(contrast, seed, grey(128)).at<cv::Vec3b>(0, 0)[0], 128, 1);
  }
  EXPECT_GE(greys.size(), 60U);
  EXPECT_LT(*greys.begin(), 60);
  EXPECT_GT(*greys.rbegin(), 140);
}

TEST(AugmentTest, TurnsAboutTheMiddleByNoMoreThanAsked) {
  // A bright dot straight above the middle goes sideways by the radius times the sine of the angle.
  cv::Mat picture(65, 65, CV_8UC3, cv::Scalar::all(0));
  cv::circle(picture, {32, 8}, 2, cv::Scalar::all(255), cv::FILLED);
  double furthest_left = 32, furthest_right = 32;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    cv::Mat channel;
    cv::extractChannel(changed({.rotate = 20}, seed, picture), channel, 0);
    const cv::Moments mass = cv::moments(channel);
    ASSERT_GT(mass.m00, 0);
    const double x = mass.m10 / mass.m00, y = mass.m01 / mass.m00;
    EXPECT_NEAR(std::hypot(x - 32, y - 32), 24, 0.3);
    EXPECT_LT(y, 32 - 24 * std::cos(CV_PI / 9) + 0.3);
    furthest_left = std::min(furthest_left, x);
    furthest_right = std::max(furthest_right, x);
  }
  const double most = 24 * std::sin(CV_PI / 9);
  EXPECT_NEAR(furthest_left, 32 - most, 0.5);
  EXPECT_NEAR(furthest_right, 32 + most, 0.5);
}

TEST(AugmentTest, CornersAreDrawnOutFromTheEdges) {
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_TRUE(same(changed({.rotate = 180}, seed, grey(90)), grey(90)));
}

TEST(AugmentTest, AStrengthOfItsOwnDoesNotMoveTheOthers) {
  const cv::Mat picture = gradient(50, 60);
  for (const uint64_t seed : {1, 2, 3}) {
    const cv::Rect alone = part(picture, Augmentation({.crop = 0.5}, seed).crop(picture));
    EXPECT_EQ(part(picture, Augmentation(kAll, seed).crop(picture)), alone);
    EXPECT_TRUE(
        same(changed({.crop = 0.5, .contrast = 0.6}, seed, picture), changed({.contrast = 0.6}, seed, picture)));
  }
}

TEST(AugmentTest, OtherThanRgbIsRefused) {
  cv::Mat one_channel(4, 4, CV_8UC1), none;
  EXPECT_THROW(Augmentation(kAll, 1).crop(one_channel), std::invalid_argument);
  EXPECT_THROW(Augmentation(kAll, 1).change(none), std::invalid_argument);
}
