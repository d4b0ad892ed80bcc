#include "vision/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <string>

#include "tests/temporary_folder.h"
#include "tests/vision/image_makers.h"
#include "vision/image_header.h"

namespace fs = std::filesystem;
using testing::HasSubstr;

namespace {

class ImageTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  cv::Mat read(const std::string& bytes) { return vision::read_image(write("image.any", bytes)); }
  std::string read_error(const std::string& bytes) {
    const fs::path path = write("bad.jpg", bytes);
    const std::string error = error_of([&] { vision::read_image(path); });
    if (!error.empty()) {
      EXPECT_THAT(error, testing::StartsWith(path.string() + ": "));
      EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    }
    return error;
  }

  TemporaryFolder folder_;
};

cv::Vec3b at(const cv::Mat& image, int y, int x) { return image.at<cv::Vec3b>(y, x); }

void expect_colour(const cv::Vec3b& found, const cv::Vec3b& expected, int tolerance) {
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(found[c], expected[c], tolerance) << "channel " << c;
}

std::string png_of_size(uint32_t width, uint32_t height) {
  std::string png = encode(".png", picture());
  put_big_endian(png, 16, width, 4);
  put_big_endian(png, 20, height, 4);
  put_big_endian(png, 29, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(png.data()) + 12, 17)), 4);
  return png;
}

}  // namespace

TEST_F(ImageTest, PngRoundTripsExactly) {
  cv::Mat rgb = picture();
  vision::write_png(folder_ / "a.png", rgb);
  const cv::Mat back = vision::read_image(folder_ / "a.png");
  ASSERT_EQ(back.type(), CV_8UC3);
  EXPECT_EQ(cv::norm(back, rgb, cv::NORM_INF), 0);
}

TEST_F(ImageTest, EveryKindOfFileGivesRgb) {
  for (const auto& [ending, tolerance] : {std::pair{".jpg", 12}, {".png", 0}, {".bmp", 0}, {".webp", 12}}) {
    const cv::Mat image = read(encode(ending, picture()));
    ASSERT_EQ(image.size(), cv::Size(24, 16)) << ending;
    expect_colour(at(image, 8, 2), {220, 10, 20}, tolerance);
    expect_colour(at(image, 8, 21), {64, 180, 200}, tolerance);
  }
}

TEST_F(ImageTest, GreyIsSpreadOverThreeChannels) {
  const cv::Mat grey(5, 7, CV_8UC1, cv::Scalar(77));
  for (const char* ending : {".jpg", ".png", ".bmp"})
    expect_colour(at(read(encode(ending, grey)), 2, 3), {77, 77, 77}, 0);
}

TEST_F(ImageTest, AlphaIsDropped) {
  cv::Mat bgra(4, 4, CV_8UC4, cv::Scalar(30, 20, 10, 0));  // wholly transparent
  expect_colour(at(read(encode(".png", bgra)), 1, 1), {10, 20, 30}, 0);
  bgra.setTo(cv::Scalar(30, 20, 10, 128));
  expect_colour(at(read(encode(".webp", bgra, {cv::IMWRITE_WEBP_QUALITY, 101})), 1, 1), {10, 20, 30}, 0);
}

TEST_F(ImageTest, SixteenBitsKeepTheUpperEight) {
  const cv::Mat deep(4, 4, CV_16UC3, cv::Scalar(0x1234, 0x8001, 0xFEDC));
  expect_colour(at(read(encode(".png", deep)), 0, 0), {0xFE, 0x80, 0x12}, 0);
  const cv::Mat grey(4, 4, CV_16UC1, cv::Scalar(0x7F01));
  expect_colour(at(read(encode(".png", grey)), 0, 0), {0x7F, 0x7F, 0x7F}, 0);
}

// The file is Pillow's: left half ink (0, 255, 255, 0), right half (255, 0, 0, 51), which Pillow turns into these.
TEST_F(ImageTest, CmykJpegIsConverted) {
  const cv::Mat image = vision::read_image(fs::path(VQA_SOURCE_DIR) / "tests/vision/files/cmyk.jpg");
  ASSERT_EQ(image.size(), cv::Size(24, 16));
  expect_colour(at(image, 8, 4), {255, 0, 0}, 3);
  expect_colour(at(image, 8, 20), {0, 204, 204}, 3);
}

TEST_F(ImageTest, ExifOrientationIsApplied) {
  const cv::Mat half_turn = read(oriented_jpeg(3));
  ASSERT_EQ(half_turn.size(), cv::Size(24, 16));
  expect_colour(at(half_turn, 8, 21), {220, 10, 20}, 12);
  const cv::Mat clockwise = read(oriented_jpeg(6));
  ASSERT_EQ(clockwise.size(), cv::Size(16, 24));
  expect_colour(at(clockwise, 2, 8), {220, 10, 20}, 12);
  const cv::Mat counter_clockwise = read(oriented_jpeg(8));
  ASSERT_EQ(counter_clockwise.size(), cv::Size(16, 24));
  expect_colour(at(counter_clockwise, 21, 8), {220, 10, 20}, 12);
}

TEST_F(ImageTest, OrientationMeansTheSameInEveryFormat) {
  for (char orientation = 1; orientation <= 8; ++orientation) {
    const cv::Mat jpeg = read(oriented_jpeg(orientation));
    const cv::Mat webp = read(oriented_webp(orientation));
    const cv::Mat png = read(oriented_png(orientation));
    ASSERT_EQ(jpeg.size(), webp.size()) << int{orientation};
    ASSERT_EQ(png.size(), webp.size()) << int{orientation};
    EXPECT_EQ(cv::norm(png, webp, cv::NORM_INF), 0) << int{orientation};  // both without loss
    EXPECT_LT(cv::norm(jpeg, webp, cv::NORM_L1) / static_cast<double>(jpeg.total() * 3), 7) << int{orientation};
  }
  EXPECT_EQ(read(oriented_webp(9)).size(), cv::Size(24, 16));
  std::string broken = oriented_webp(6);
  broken[broken.size() - 20] = 0x7F;  // the directory's place, now beyond the end
  EXPECT_EQ(read(broken).size(), cv::Size(24, 16));
}

TEST_F(ImageTest, OnePixelIsAPicture) {
  for (const char* ending : {".jpg", ".png", ".bmp", ".webp"})
    EXPECT_EQ(read(encode(ending, picture(1, 1))).size(), cv::Size(1, 1)) << ending;
}

TEST_F(ImageTest, LongThinPicturesAreRead) {
  EXPECT_EQ(read(encode(".jpg", picture(20000, 3))).size(), cv::Size(20000, 3));
  EXPECT_EQ(read(encode(".png", picture(3, 20000))).size(), cv::Size(3, 20000));
}

TEST_F(ImageTest, HugePicturesAreRefusedUnread) {
  EXPECT_THAT(read_error(png_of_size(20000, 20000)), HasSubstr("20000 x 20000 pixels"));
  EXPECT_THAT(read_error(png_of_size(0xFFFFFFFF, 0xFFFFFFFF)), HasSubstr("limit"));
  std::string jpeg = encode(".jpg", picture());
  const size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  put_big_endian(jpeg, frame + 5, 60000, 2);
  put_big_endian(jpeg, frame + 7, 50000, 2);
  EXPECT_THAT(read_error(jpeg), HasSubstr("50000 x 60000 pixels"));
  std::string bmp = encode(".bmp", picture());
  bmp[21] = bmp[25] = 0x7F;
  EXPECT_THAT(read_error(bmp), HasSubstr("limit"));
}

TEST_F(ImageTest, MissingFileNamesThePath) {
  EXPECT_THAT(error_of([&] { vision::read_image(folder_ / "none.jpg"); }), HasSubstr("none.jpg: cannot be read"));
  EXPECT_THAT(error_of([&] { vision::read_image(folder_.path()); }), HasSubstr("is a folder"));
}

TEST_F(ImageTest, EmptyAndForeignFilesAreRefused) {
  EXPECT_THAT(read_error(""), HasSubstr("empty"));
  EXPECT_THAT(read_error("This is a text, whatever its name says."), HasSubstr("is no JPEG, PNG, BMP or WebP"));
  EXPECT_THAT(read_error("BM"), HasSubstr("is no JPEG"));
  EXPECT_THAT(read_error("GIF89a...."), HasSubstr("is no JPEG"));
}

/// Cuts at every length: none may be read, none may crash, and all must say so in one line.
TEST_F(ImageTest, TruncatedFilesAreRefusedAtEveryLength) {
  const std::vector<std::string> files = {
      encode(".jpg", picture()),
      encode(".jpg", picture(), {cv::IMWRITE_JPEG_PROGRESSIVE, 1}),
      encode(".jpg", picture(), {cv::IMWRITE_JPEG_RST_INTERVAL, 1}),
      oriented_jpeg(6),
      encode(".png", picture()),
      encode(".bmp", picture()),
      encode(".webp", picture()),
      encode(".webp", picture(), {cv::IMWRITE_WEBP_QUALITY, 101}),
  };
  testing::internal::CaptureStderr();
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(read_error(files[i]), "") << "file " << i << " itself";
    for (size_t length = 0; length < files[i].size(); ++length) {
      const std::string cut = files[i].substr(0, length);
      ASSERT_NE(error_of([&] { vision::check_image(cut); }), "") << "file " << i << " cut to " << length << " bytes";
      if (length % 61 == 0) {
        EXPECT_NE(read_error(cut), "");
      }
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(ImageTest, TruncationIsNotHiddenByAThumbnailsEndMarker) {
  const std::string jpeg = oriented_jpeg(1, encode(".jpg", picture(8, 8)));
  EXPECT_EQ(read_error(jpeg), "");
  EXPECT_THAT(read_error(jpeg.substr(0, jpeg.size() - 40)), HasSubstr("truncated JPEG"));
}

TEST_F(ImageTest, BytesBehindTheEndAreIgnored) {
  EXPECT_EQ(read_error(encode(".jpg", picture()) + "camera's own notes"), "");
  EXPECT_EQ(read_error(encode(".png", picture()) + "notes"), "");
}

TEST_F(ImageTest, DamagedPngIsRefused) {
  std::string png = encode(".png", picture());
  png[png.find("IDAT") + 10] ^= 1;
  EXPECT_THAT(read_error(png), HasSubstr("checksum"));
}

TEST_F(ImageTest, DamagedJpegIsRefusedInOneLine) {
  std::string jpeg = encode(".jpg", picture(200, 200));
  jpeg.replace(jpeg.size() / 2, 60, std::string(60, '\0'));
  testing::internal::CaptureStderr();
  EXPECT_THAT(read_error(jpeg), HasSubstr("damaged JPEG: Corrupt JPEG data: "));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(ImageTest, JpegWithoutAPictureIsRefused) {
  EXPECT_THAT(read_error("\xFF\xD8\xFF\xD9"), HasSubstr("holds no picture"));
}

TEST_F(ImageTest, WritePngLeavesNothingHalfWritten) {
  EXPECT_THAT(error_of([&] { vision::write_png(folder_ / "none/a.png", picture()); }), HasSubstr("none/a.png"));
  EXPECT_THAT(error_of([&] { vision::write_png("/dev/full", picture()); }), HasSubstr("/dev/full"));
  EXPECT_THROW(vision::write_png(folder_ / "grey.png", cv::Mat(3, 3, CV_8UC1)), std::invalid_argument);
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

// Its size did not fit into the decoder's int.
TEST_F(ImageTest, RefusesAFileTooLargeForAPictureUnread) {
  const fs::path path = write("large.jpg", "");
  fs::resize_file(path, uintmax_t{3} << 30);  // takes no room: it has no content
  EXPECT_THAT(error_of([&] { vision::read_image(path); }), HasSubstr("large.jpg: has 3072 MiB; is it a picture?"));
}
