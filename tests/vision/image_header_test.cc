#include "vision/image_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <string>

#include "tests/data/write.h"
#include "tests/temporary_folder.h"
#include "tests/vision/image_makers.h"
#include "vision/image.h"

namespace fs = std::filesystem;
using testing::HasSubstr;

namespace {

/// Files of every kind, turned and not.
std::vector<std::string> files() {
  std::vector<std::string> files = {
      encode(".jpg", picture(31, 17)),  encode(".jpg", picture(31, 17), {cv::IMWRITE_JPEG_PROGRESSIVE, 1}),
      encode(".png", picture(31, 17)),  encode(".bmp", picture(31, 17)),
      encode(".webp", picture(31, 17)), encode(".webp", picture(31, 17), {cv::IMWRITE_WEBP_QUALITY, 101}),
  };
  for (char orientation = 1; orientation <= 8; ++orientation) {
    files.push_back(oriented_jpeg(orientation));
    files.push_back(oriented_png(orientation));
    files.push_back(oriented_webp(orientation));
  }
  return files;
}

/// A segment for a JPEG: its marker's second byte and as many bytes as one may have.
std::string long_segment(char marker) {
  return std::string("\xFF") + marker + std::string("\xFF\xFF") + std::string(0xFFFF - 2, 'x');
}

/// Bytes that this process has asked the system for; nothing where the system does not count them.
std::optional<int64_t> bytes_read() {
  std::ifstream counters("/proc/self/io");
  std::string name;
  int64_t count = 0;
  if (counters >> name >> count && name == "rchar:") return count;
  return std::nullopt;
}

}  // namespace

TEST(ImageHeaderTest, TellsKindAndSizeAsStored) {
  for (const auto& [ending, format] :
       {std::pair{".jpg", "JPEG"}, {".png", "PNG"}, {".bmp", "BMP"}, {".webp", "WebP"}}) {
    const vision::ImageHeader header = vision::check_image(encode(ending, picture(31, 17)));
    EXPECT_EQ(header.format, format);
    EXPECT_EQ(header.width, 31);
    EXPECT_EQ(header.height, 17);
  }
  const vision::ImageHeader turned = vision::check_image(oriented_jpeg(6));
  EXPECT_EQ(turned.width, 24);
  EXPECT_EQ(turned.orientation, 6);
  EXPECT_EQ(turned.extent(), (vision::Extent{24, 16}));
  EXPECT_EQ(vision::check_image(oriented_jpeg(3)).extent(), (vision::Extent{16, 24}));
  const std::string lossless = encode(".webp", picture(31, 17), {cv::IMWRITE_WEBP_QUALITY, 101});
  EXPECT_EQ(vision::check_image(lossless).width, 31);
  EXPECT_EQ(vision::check_image(lossless).height, 17);
}

TEST(ImageHeaderTest, GivesTheExtentThatDecodingGives) {
  const TemporaryFolder folder;
  for (const std::string& bytes : files()) {
    write_text(folder / "picture", bytes);
    const vision::ImageHeader header = vision::read_image_header(folder / "picture");
    const cv::Mat image = vision::read_image(folder / "picture");
    EXPECT_EQ(header.extent(), (vision::Extent{image.rows, image.cols})) << header.format << header.orientation;
  }
}

TEST(ImageHeaderTest, HeaderAloneSaysWhatTheWholeFileSays) {
  const TemporaryFolder folder;
  for (const std::string& bytes : files()) {
    write_text(folder / "picture", bytes);
    const vision::ImageHeader header = vision::read_image_header(folder / "picture");
    const vision::ImageHeader whole = vision::check_image(bytes);
    EXPECT_EQ(header.format, whole.format);
    EXPECT_EQ(header.width, whole.width);
    EXPECT_EQ(header.height, whole.height);
    EXPECT_EQ(header.orientation, whole.orientation);
    // Cut anywhere it says the same or is refused.
    for (size_t length = 0; length < bytes.size(); ++length) {
      vision::ImageBytes cut(std::string_view(bytes).substr(0, length));
      try {
        EXPECT_EQ(vision::image_header(cut).extent(), whole.extent()) << whole.format << " cut to " << length;
      } catch (const std::runtime_error&) {
      }
    }
  }
}

TEST(ImageHeaderTest, OfAJpegEndsBeforeItsData) {
  const std::string jpeg = oriented_jpeg(6);
  const std::string head = jpeg.substr(0, jpeg.find("\xFF\xDA") + 20);
  vision::ImageBytes bytes(head);
  EXPECT_EQ(vision::image_header(bytes).extent(), (vision::Extent{24, 16}));
  EXPECT_THAT(error_of([&] { vision::check_image(head); }), HasSubstr("truncated JPEG"));
}

// The orientation was looked for up to the file's end, which reading the header alone does not see.
TEST(ImageHeaderTest, NotesBehindAJpegsDataDoNotTurnIt) {
  std::string jpeg = encode(".jpg", picture());
  jpeg.insert(jpeg.size() - 2, exif_segment(6));
  EXPECT_EQ(vision::check_image(jpeg).orientation, 1);
}

TEST(ImageHeaderTest, OfAPngHasNotesBehindItsData) {
  const std::string turned = oriented_png(6), plain = encode(".png", picture());
  constexpr size_t kFirstEnds = 8 + 25, kLast = 12;
  const std::string notes = turned.substr(kFirstEnds, turned.size() - plain.size());
  std::string png = plain;
  png.insert(png.size() - kLast, notes);
  vision::ImageBytes bytes(png);
  EXPECT_EQ(vision::image_header(bytes).orientation, 6);
}

TEST(ImageHeaderTest, IsFoundBehindLongNotes) {
  const TemporaryFolder folder;
  const std::string jpeg = encode(".jpg", picture());
  write_text(folder / "picture", jpeg.substr(0, 2) + long_segment('\xE2') + exif_segment(8, std::string(50'000, 'x')) +
                                     long_segment('\xED') + "stray bytes" + jpeg.substr(2));
  const vision::ImageHeader header = vision::read_image_header(folder / "picture");
  EXPECT_EQ(header.extent(), (vision::Extent{24, 16}));
  EXPECT_EQ(header.orientation, 8);
}

TEST(ImageHeaderTest, LittleOfAFileIsRead) {
  if (!bytes_read()) GTEST_SKIP() << "needs /proc/self/io";
  const TemporaryFolder folder;
  cv::Mat noise(1000, 1000, CV_8UC3);
  cv::randu(noise, 0, 256);
  for (const auto& [ending, most] : {std::pair{".jpg", 4096}, {".bmp", 4096}, {".webp", 4096}, {".png", 600'000}}) {
    const std::string bytes = encode(ending, noise);
    ASSERT_GT(bytes.size(), 500'000u) << ending;
    write_text(folder / "picture", bytes);
    const int64_t before = *bytes_read();
    vision::read_image_header(folder / "picture");
    EXPECT_LT(*bytes_read() - before, most) << ending << " of " << bytes.size() << " bytes";
  }
}

TEST(ImageHeaderTest, RefusesAsReadingDoes) {
  const TemporaryFolder folder;
  const auto both = [&](const std::string& bytes) {
    write_text(folder / "picture", bytes);
    const std::string error = error_of([&] { vision::read_image_header(folder / "picture"); });
    EXPECT_EQ(error, error_of([&] { vision::read_image(folder / "picture"); }));
    return error;
  };
  EXPECT_THAT(both(""), HasSubstr("picture: the file is empty"));
  EXPECT_THAT(both("This is a text, whatever its name says."), HasSubstr("is no JPEG, PNG, BMP or WebP"));
  const std::string jpeg = oriented_jpeg(6);
  EXPECT_THAT(both(jpeg.substr(0, 100)), HasSubstr("truncated JPEG: ends at byte 100"));
  EXPECT_THAT(both("\xFF\xD8\xFF\xD9"), HasSubstr("holds no picture"));
  for (const std::string ending : {".png", ".bmp", ".webp"}) {
    const std::string bytes = encode(ending, picture());
    EXPECT_THAT(both(bytes.substr(0, bytes.size() / 2)), HasSubstr("truncated ")) << ending;
  }
  EXPECT_THAT(error_of([&] { vision::read_image_header(folder / "none.jpg"); }),
              HasSubstr("none.jpg: cannot be read: No such file"));
  EXPECT_THAT(error_of([&] { vision::read_image_header(folder.path()); }), HasSubstr("cannot be read: Is a directory"));
  EXPECT_THAT(error_of([&] { vision::read_image_header("/dev/zero"); }), HasSubstr("/dev/zero: is no regular file"));
}

TEST(ImageHeaderTest, DamagedBytesNeverCrash) {
  std::mt19937 random(1);
  for (const std::string& whole :
       {oriented_jpeg(6), encode(".png", picture()), encode(".bmp", picture()), oriented_webp(6)}) {
    int refused = 0;
    for (int trial = 0; trial < 2000; ++trial) {
      std::string bytes = whole.substr(0, 1 + random() % whole.size());
      for (int i = 0; i < 3; ++i) bytes[random() % std::min<size_t>(bytes.size(), 64)] = static_cast<char>(random());
      refused += error_of([&] { vision::check_image(bytes); }).empty() ? 0 : 1;
    }
    EXPECT_GT(refused, 1000);
  }
}
