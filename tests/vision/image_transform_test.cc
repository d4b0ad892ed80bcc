#include "vision/image_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/error_of.h"

using testing::HasSubstr;
using vision::ImageTransform;
using vision::ImageTransformOptions;

namespace {

ImageTransform transform_to(int64_t side) { return ImageTransform({.size = std::to_string(side)}); }

/// Columns alternate between black and white.
cv::Mat stripes(int height, int width) {
  cv::Mat rgb(height, width, CV_8UC3, cv::Scalar::all(0));
  for (int x = 1; x < width; x += 2) rgb.col(x).setTo(cv::Scalar::all(255));
  return rgb;
}

int64_t value(const torch::Tensor& t, int64_t c, int64_t y, int64_t x) { return t[c][y][x].item<int64_t>(); }

}  // namespace

TEST(ImageTransformTest, RightSizeIsNotCopied) {
  cv::Mat rgb(5, 5, CV_8UC3, cv::Scalar(1, 2, 3));
  rgb.at<cv::Vec3b>(4, 1) = {7, 8, 9};
  const torch::Tensor image = transform_to(5).resize(rgb);
  EXPECT_EQ(image.data_ptr(), rgb.data);
  EXPECT_EQ(image.sizes(), (std::vector<int64_t>{3, 5, 5}));
  EXPECT_EQ(image.scalar_type(), torch::kUInt8);
  EXPECT_EQ(value(image, 2, 4, 1), 9);
  EXPECT_EQ(value(image, 0, 1, 4), 1);
}

TEST(ImageTransformTest, TensorOutlivesThePicture) {
  torch::Tensor kept;
  torch::Tensor copied;
  std::vector<unsigned char> memory(4 * 4 * 3, 200);
  {
    const cv::Mat rgb(4, 4, CV_8UC3, cv::Scalar(11, 12, 13));
    kept = transform_to(4).resize(rgb);
    const cv::Mat borrowed(4, 4, CV_8UC3, memory.data());
    copied = transform_to(4).resize(borrowed);
  }
  std::fill(memory.begin(), memory.end(), 0);
  EXPECT_EQ(value(kept, 1, 3, 3), 12);
  EXPECT_EQ(value(copied, 1, 3, 3), 200);
}

TEST(ImageTransformTest, PartOfALargerPictureKeepsItsRows) {
  const cv::Mat wide = stripes(6, 6);
  const torch::Tensor image = transform_to(3).resize(wide(cv::Rect(1, 2, 3, 3)));
  EXPECT_EQ(value(image, 0, 0, 0), 255);
  EXPECT_EQ(value(image, 0, 2, 1), 0);
}

TEST(ImageTransformTest, ShrinkingIsAntiAliased) {
  const torch::Tensor image = transform_to(8).resize(stripes(32, 32));
  const torch::Tensor inner = image.slice(2, 1, 7).to(torch::kFloat32);  // at the border the filter is cut
  EXPECT_LE((inner - 127.5).abs().max().item<double>(), 0.6);
}

TEST(ImageTransformTest, GrowingInterpolatesLinearly) {
  cv::Mat rgb(1, 2, CV_8UC3, cv::Scalar::all(0));
  rgb.at<cv::Vec3b>(0, 1) = {100, 100, 100};
  const torch::Tensor image = transform_to(4).resize(rgb);
  EXPECT_EQ(value(image, 0, 3, 0), 0);
  EXPECT_EQ(value(image, 0, 3, 1), 25);
  EXPECT_EQ(value(image, 0, 3, 2), 75);
  EXPECT_EQ(value(image, 0, 3, 3), 100);
  const cv::Mat one(1, 1, CV_8UC3, cv::Scalar(5, 6, 7));
  EXPECT_TRUE(transform_to(9).resize(one)[2].eq(7).all().item<bool>());
}

TEST(ImageTransformTest, NormalisesByChannel) {
  const torch::Tensor images = torch::full({2, 3, 1, 1}, 255, torch::kUInt8);
  const torch::Tensor normal = transform_to(1).normalize(images);
  EXPECT_EQ(normal.scalar_type(), torch::kFloat32);
  EXPECT_NEAR(normal[1][0][0][0].item<double>(), (1 - 0.485) / 0.229, 1e-6);
  EXPECT_NEAR(normal[1][1][0][0].item<double>(), (1 - 0.456) / 0.224, 1e-6);
  EXPECT_NEAR(normal[0][2][0][0].item<double>(), (1 - 0.406) / 0.225, 1e-6);
  EXPECT_TRUE(images.eq(255).all().item<bool>()) << "the images themselves must stay";
}

TEST(ImageTransformTest, BatchesOfPicturesBecomeChannelsLast) {
  const ImageTransform transform = transform_to(6);
  const torch::Tensor batch = torch::stack({transform.resize(stripes(6, 6)), transform.resize(stripes(9, 9))});
  const torch::Tensor normal = transform.normalize(batch);
  EXPECT_EQ(normal.sizes(), (std::vector<int64_t>{2, 3, 6, 6}));
  EXPECT_TRUE(normal.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_NEAR(normal[0][0][3][1].item<double>(), (1 - 0.485) / 0.229, 1e-6);
}

// One pixel of 10, 20, 30 under each rule, against its published figures.
TEST(ImageTransformTest, RulesNormaliseAsPublished) {
  const torch::Tensor image = torch::tensor({10, 20, 30}, torch::kUInt8).view({1, 3, 1, 1}).expand({2, 3, 2, 2});
  const auto expect_channels = [&](const char* rule, const std::array<double, 3>& expected) {
    const torch::Tensor normal = ImageTransform({.rule = rule, .size = "2"}).normalize(image);
    EXPECT_TRUE(normal.is_contiguous(at::MemoryFormat::ChannelsLast));
    for (int64_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(normal[1][c][1][0].item<double>(), expected[static_cast<size_t>(c)], 1e-5) << rule << " " << c;
    }
  };
  expect_channels("torchvision",
                  {(10 / 255. - 0.485) / 0.229, (20 / 255. - 0.456) / 0.224, (30 / 255. - 0.406) / 0.225});
  expect_channels("grid-feats", {30 - 103.53, 20 - 116.28, 10 - 123.675});  // blue first
  expect_channels("clip", {(10 / 255. - 0.48145466) / 0.26862954, (20 / 255. - 0.4578275) / 0.26130258,
                           (30 / 255. - 0.40821073) / 0.27577711});
}

// To the last bit: three roundings, in this order. Weights that were trained on these numbers depend on them.
TEST(ImageTransformTest, EveryValueIsNormalisedToTheLastBit) {
  const torch::Tensor values = torch::arange(256, torch::kUInt8).view({1, 1, 2, 128});
  const torch::Tensor images = torch::cat({values, values.flip(3), values.flip(2)}, 1).expand({2, 3, 2, 128});
  for (const vision::ImageRule& rule : vision::image_rules()) {
    const ImageTransform transform({.rule = rule.name, .size = "128"});
    const torch::Tensor normal = transform.normalize(images);
    for (int64_t c = 0; c < 3; ++c) {
      const auto at = static_cast<size_t>(c);
      const auto mean = static_cast<float>(rule.mean[at]), deviation = static_cast<float>(rule.deviation[at]);
      torch::Tensor expected = images.select(1, rule.bgr ? 2 - c : c).contiguous().to(torch::kFloat32);
      auto* number = expected.data_ptr<float>();
      for (int64_t i = 0; i < expected.numel(); ++i) {
        number[i] = (number[i] / static_cast<float>(rule.scale) - mean) / deviation;
      }
      EXPECT_TRUE(torch::equal(normal.select(1, c), expected)) << rule.name << " " << c;
    }
    const torch::Tensor channels_last = images.contiguous(at::MemoryFormat::ChannelsLast);
    EXPECT_TRUE(torch::equal(transform.normalize(channels_last), normal));
  }
}

TEST(ImageTransformTest, TheRuleChoosesTheFilter) {
  const cv::Mat picture = stripes(20, 30);
  const torch::Tensor bilinear = ImageTransform({.rule = "grid-feats", .size = "24"}).resize(picture);
  const torch::Tensor bicubic = ImageTransform({.rule = "clip", .size = "24"}).resize(picture);
  EXPECT_TRUE(torch::equal(bilinear, ImageTransform({.rule = "torchvision", .size = "24"}).resize(picture)));
  EXPECT_FALSE(torch::equal(bilinear, bicubic));
}

TEST(ImageTransformTest, TheFormIsKeptWhereTheSizeSaysSo) {
  const torch::Tensor image = ImageTransform({.rule = "grid-feats", .size = "60/100"}).resize(stripes(48, 64));
  EXPECT_EQ(image.sizes(), (std::vector<int64_t>{3, 60, 80}));
}

TEST(ImageTransformTest, RefusesUnknownOptions) {
  const auto refusal = [](const ImageTransformOptions& options) {
    return error_of<std::invalid_argument>([&] { const ImageTransform transform(options); });
  };
  EXPECT_EQ(refusal({.rule = "imagenet"}), "image-rule: 'imagenet'; allowed are torchvision, grid-feats, clip");
  EXPECT_THAT(refusal({.size = "9999"}), HasSubstr("image-size: '9999'; allowed is"));
}

TEST(ImageTransformTest, RefusesOtherInput) {
  const ImageTransform transform = transform_to(4);
  EXPECT_THROW(transform.resize(cv::Mat()), std::invalid_argument);
  EXPECT_THROW(transform.resize(cv::Mat(4, 4, CV_8UC1)), std::invalid_argument);
  EXPECT_THROW(transform.normalize(torch::zeros({3, 4, 4}, torch::kUInt8)), std::invalid_argument);
  EXPECT_THROW(transform.normalize(torch::zeros({1, 3, 4, 4})), std::invalid_argument);
}
