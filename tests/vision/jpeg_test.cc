#include "vision/jpeg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/data/error_of.h"

namespace vision {
namespace {

using testing::HasSubstr;

/// Smooth colours with some noise, RGB.
cv::Mat picture(int width = 48, int height = 40) {
  cv::Mat rgb(height, width, CV_8UC3);
  std::mt19937 random(3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto noise = static_cast<int>(random() % 32);
      rgb.at<cv::Vec3b>(y, x) = cv::Vec3b(static_cast<uint8_t>(4 * x + noise), static_cast<uint8_t>(5 * y + noise),
                                          static_cast<uint8_t>(100 + noise));
    }
  }
  return rgb;
}

std::string encode(const cv::Mat& rgb, const std::vector<int>& parameters = {}) {
  std::vector<unsigned char> bytes;
  cv::imencode(".jpg", rgb, bytes, parameters);
  return {bytes.begin(), bytes.end()};
}

std::string refusal(const std::string& jpeg) {
  return error_of<std::runtime_error>([&] { decode_jpeg(jpeg); });
}

/// Where the compressed data of a file with one scan begins.
size_t scan_data(const std::string& jpeg) {
  const size_t scan = jpeg.find("\xFF\xDA");
  return scan + 2 + static_cast<unsigned char>(jpeg[scan + 3]);
}

bool same(const cv::Mat& a, const cv::Mat& b) { return a.size() == b.size() && cv::norm(a, b, cv::NORM_INF) == 0; }

/// Fails where anything is printed while it lives.
struct Silence {
  Silence() { testing::internal::CaptureStderr(); }
  ~Silence() { EXPECT_EQ(testing::internal::GetCapturedStderr(), ""); }
};

// OpenCV decodes with the same library and settings; the golden photographs show that Pillow does too.
TEST(Jpeg, EqualsOpenCv) {
  for (const std::vector<int>& parameters : std::vector<std::vector<int>>{
           {}, {cv::IMWRITE_JPEG_QUALITY, 20}, {cv::IMWRITE_JPEG_PROGRESSIVE, 1}, {cv::IMWRITE_JPEG_RST_INTERVAL, 2}}) {
    const std::string jpeg = encode(picture(), parameters);
    cv::Mat expected = cv::imdecode(std::vector<char>(jpeg.begin(), jpeg.end()), cv::IMREAD_COLOR);
    cv::cvtColor(expected, expected, cv::COLOR_BGR2RGB);
    EXPECT_TRUE(same(decode_jpeg(jpeg), expected));
  }
}

TEST(Jpeg, GreyIsSpread) {
  const cv::Mat grey(9, 5, CV_8UC1, cv::Scalar(77));
  EXPECT_TRUE(same(decode_jpeg(encode(grey)), cv::Mat(9, 5, CV_8UC3, cv::Scalar::all(77))));
}

// libjpeg used to print "Corrupt JPEG data: ..." by itself, beside our line or in place of it.
TEST(Jpeg, DamagedDataIsRefusedInOneLine) {
  const Silence silence;
  std::string jpeg = encode(picture());
  const size_t middle = (scan_data(jpeg) + jpeg.size()) / 2;
  for (size_t i = 0; i < 40; ++i) jpeg[middle + i] = i % 2 == 0 ? '\xFF' : '\0';  // ones, which are no code
  EXPECT_THAT(refusal(jpeg), testing::StartsWith("damaged JPEG: Corrupt JPEG data: bad Huffman code;"));
  EXPECT_THAT(refusal(jpeg), HasSubstr("; copy or download the picture again"));
}

TEST(Jpeg, CutDataIsRefused) {
  const Silence silence;
  const std::string jpeg = encode(picture());
  EXPECT_THAT(refusal(jpeg.substr(0, jpeg.size() - 100)), HasSubstr("Premature end of JPEG file"));
  EXPECT_THAT(refusal(jpeg.substr(0, jpeg.size() - 100) + "\xFF\xD9"), HasSubstr("premature end of data segment"));
}

TEST(Jpeg, LostRestartMarkerIsRefused) {
  const Silence silence;
  std::string jpeg = encode(picture(), {cv::IMWRITE_JPEG_RST_INTERVAL, 1});
  const size_t marker = jpeg.find("\xFF\xD3", scan_data(jpeg));
  ASSERT_NE(marker, std::string::npos);
  jpeg[marker + 1] = '\xD6';
  EXPECT_THAT(refusal(jpeg), HasSubstr("damaged JPEG: "));
}

// Cameras and old programs write such files; no pixel is lost.
TEST(Jpeg, HarmlessOdditiesAreAccepted) {
  const Silence silence;
  const std::string jpeg = encode(picture());
  const cv::Mat expected = decode_jpeg(jpeg);
  std::string padded = jpeg;
  padded.insert(padded.size() - 2, 7, '\0');
  EXPECT_TRUE(same(decode_jpeg(padded), expected));
  std::string between = jpeg;
  between.insert(between.find("\xFF\xDB"), "stray");
  EXPECT_TRUE(same(decode_jpeg(between), expected));
  std::string future = jpeg;
  future[future.find("JFIF") + 5] = 9;  // the major version
  EXPECT_TRUE(same(decode_jpeg(future), expected));
}

TEST(Jpeg, UnknownKindsAreNamed) {
  const Silence silence;
  std::string jpeg = encode(picture());
  jpeg[jpeg.find("\xFF\xC0") + 4] = 12;  // bits a sample
  EXPECT_THAT(refusal(jpeg), HasSubstr("Unsupported JPEG data precision 12"));
  EXPECT_THAT(refusal("GIF89a"), HasSubstr("Not a JPEG file"));
}

TEST(Jpeg, RandomDamageNeverCrashesNorPrints) {
  const Silence silence;
  std::mt19937 random(1);
  int refused = 0;
  for (int trial = 0; trial < 600; ++trial) {
    const bool progressive = trial % 2 != 0;
    std::string jpeg = encode(picture(24, 24), {cv::IMWRITE_JPEG_PROGRESSIVE, progressive ? 1 : 0});
    for (int i = 0; i < 3; ++i) jpeg[2 + random() % (jpeg.size() - 2)] = static_cast<char>(random());
    try {
      decode_jpeg(jpeg);
    } catch (const std::runtime_error& error) {
      ++refused;
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(Jpeg, ThreadsDoNotDisturbEachOther) {
  const Silence silence;
  const std::string good = encode(picture()), bad = good.substr(0, good.size() - 100);
  const cv::Mat expected = decode_jpeg(good);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        count += same(decode_jpeg(good), expected) ? 0 : 1;
        try {
          decode_jpeg(bad);
          ++count;
        } catch (const std::runtime_error&) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

}  // namespace
}  // namespace vision
