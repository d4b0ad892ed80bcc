#include "vision/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "vision/resample_rows.h"

namespace vision {
namespace {

using testing::ElementsAre;

/// Noise from a formula, so that other programs can make it too.
cv::Mat noise(int width, int height) {
  cv::Mat rgb(height, width, CV_8UC3);
  uint32_t state = 12345;
  for (size_t i = 0; i < rgb.total() * 3; ++i) {
    state = state * 1103515245 + 12345;
    rgb.data[i] = static_cast<uint8_t>(state >> 16);
  }
  return rgb;
}

/// FNV-1a of the pixels.
uint32_t hash(const cv::Mat& rgb) {
  uint32_t value = 2166136261;
  for (size_t i = 0; i < rgb.total() * 3; ++i) value = (value ^ rgb.data[i]) * 16777619;
  return value;
}

std::vector<int> numbers(const cv::Mat& rgb) { return {rgb.data, rgb.data + rgb.total() * 3}; }

// The hashes are those of what Image.resize of Pillow 12.3 makes of the same noise.
TEST(Resample, EqualsPillowToTheLastBit) {
  struct Case {
    int width, height, new_width, new_height;
    Filter filter;
    uint32_t hash;
  };
  for (const Case& c : std::vector<Case>{
           {7, 5, 3, 4, Filter::kBilinear, 0x8EDB96D6u},        {7, 5, 3, 4, Filter::kBicubic, 0x6E448AC9u},
           {64, 48, 80, 60, Filter::kBilinear, 0xD2CA4600u},    {64, 48, 80, 60, Filter::kBicubic, 0xD23D37E0u},
           {100, 37, 29, 91, Filter::kBilinear, 0xF2C1CC01u},   {100, 37, 29, 91, Filter::kBicubic, 0x50FDF56Cu},
           {1, 1, 5, 3, Filter::kBilinear, 0x580651EAu},        {1, 1, 5, 3, Filter::kBicubic, 0x580651EAu},
           {2, 64, 8, 8, Filter::kBilinear, 0x557693BEu},       {2, 64, 8, 8, Filter::kBicubic, 0xEBB1F16Bu},
           {333, 222, 17, 300, Filter::kBilinear, 0x5E494A92u}, {333, 222, 17, 300, Filter::kBicubic, 0xD242AB77u},
           {50, 40, 50, 20, Filter::kBilinear, 0x6C6E241Du},    {50, 40, 50, 20, Filter::kBicubic, 0xF8AF1C95u},
           {31, 17, 448, 448, Filter::kBilinear, 0x34E4A615u},  {31, 17, 448, 448, Filter::kBicubic, 0xEC5CEAA8u},
           {5, 200, 6, 3, Filter::kBilinear, 0x1AF4A924u},      {5, 200, 6, 3, Filter::kBicubic, 0xC65BA467u},
           {3, 3, 4, 3, Filter::kBilinear, 0x89A3A3AFu},        {3, 3, 4, 3, Filter::kBicubic, 0x6D90D242u},
           {400, 3, 2, 1, Filter::kBilinear, 0xFE989E8Eu},      {400, 3, 2, 1, Filter::kBicubic, 0x57483347u},
       }) {
    const cv::Mat result = resample(noise(c.width, c.height), {c.new_width, c.new_height}, c.filter);
    ASSERT_EQ(result.size(), cv::Size(c.new_width, c.new_height));
    EXPECT_EQ(hash(result), c.hash) << c.width << "x" << c.height << " to " << c.new_width << "x" << c.new_height;
  }
}

TEST(Resample, InterpolatesBetweenTwoPixels) {
  cv::Mat rgb(1, 2, CV_8UC3);
  rgb.at<cv::Vec3b>(0, 0) = {0, 100, 200};
  rgb.at<cv::Vec3b>(0, 1) = {100, 0, 50};
  EXPECT_THAT(numbers(resample(rgb, {4, 1}, Filter::kBilinear)),
              ElementsAre(0, 100, 200, 25, 75, 163, 75, 25, 88, 100, 0, 50));
  EXPECT_THAT(numbers(resample(rgb, {4, 1}, Filter::kBicubic)),
              ElementsAre(0, 109, 213, 21, 79, 169, 79, 21, 81, 109, 0, 37));
}

TEST(Resample, TakesPartOfALargerPicture) {
  const cv::Mat whole = noise(40, 30);
  const cv::Mat part = whole(cv::Rect(3, 4, 20, 10));
  EXPECT_EQ(hash(resample(part, {33, 5}, Filter::kBicubic)), hash(resample(part.clone(), {33, 5}, Filter::kBicubic)));
}

TEST(Resample, SameSizeIsThePictureItself) {
  const cv::Mat rgb = noise(4, 3);
  EXPECT_EQ(resample(rgb, {4, 3}, Filter::kBicubic).data, rgb.data);
}

TEST(Resample, RefusesOtherInput) {
  EXPECT_THROW(resample(cv::Mat(), {4, 4}, Filter::kBilinear), std::invalid_argument);
  EXPECT_THROW(resample(cv::Mat(4, 4, CV_8UC1), {2, 2}, Filter::kBilinear), std::invalid_argument);
  EXPECT_THROW(resample(noise(4, 4), {0, 4}, Filter::kBilinear), std::invalid_argument);
}

/// Random weights, negative ones too, of which the first `count` of each output count.
Taps random_taps(std::mt19937& random, int in, int count) {
  Taps taps{.stride = static_cast<size_t>(count + count % 2)};
  for (int i = 0; i < 50; ++i) {
    taps.first.push_back(static_cast<int>(random() % static_cast<unsigned>(in - count + 1)));
    taps.count.push_back(count);
    for (size_t t = 0; t < taps.stride; ++t) {
      const int32_t weight = static_cast<int32_t>(random() % (3 << kWeightFraction)) - (1 << kWeightFraction);
      taps.weights.push_back(static_cast<int>(t) < count ? weight / count : 0);
    }
  }
  return taps;
}

TEST(RowKernels, AllGiveTheSameBytes) {
  std::mt19937 random(1);
  for (const int count : {1, 2, 3, 4, 7}) {
    constexpr int kPixels = 37;
    const Taps taps = random_taps(random, kPixels, count);
    std::vector<std::vector<uint8_t>> rows(7, std::vector<uint8_t>(3 * kPixels + kRowSlack));
    std::vector<const uint8_t*> pointers;
    for (auto& row : rows) {
      for (uint8_t& byte : row) byte = static_cast<uint8_t>(random());
      pointers.push_back(row.data());
    }
    std::vector<uint8_t> plain(151), best(151);
    plain_row_kernels().resample(rows[0].data(), taps, plain.data());
    best_row_kernels().resample(rows[0].data(), taps, best.data());
    plain.back() = best.back() = 0;  // may be anything
    EXPECT_EQ(plain, best) << count;
    if (count <= 2) {  // sums beyond both ends occur
      EXPECT_THAT(plain, testing::Contains(0));
      EXPECT_THAT(plain, testing::Contains(255));
    }
    plain_row_kernels().blend(pointers.data(), taps.weights.data(), count, plain.data(), 3 * kPixels);
    best_row_kernels().blend(pointers.data(), taps.weights.data(), count, best.data(), 3 * kPixels);
    EXPECT_EQ(plain, best) << count;
  }
}

}  // namespace
}  // namespace vision
