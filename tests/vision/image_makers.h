// Image files for tests, in memory: of every kind, with notes and without; and what readers say of them.
#pragma once

#include <zlib.h>

#include <functional>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <string>
#include <vector>

/// What a call's std::runtime_error says, or nothing.
inline std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

/// Left half red, right half blue-green with a gradient, as OpenCV's BGR.
inline cv::Mat picture(int width = 24, int height = 16) {
  cv::Mat bgr(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x)
      bgr.at<cv::Vec3b>(y, x) =
          x < width / 2 ? cv::Vec3b(20, 10, 220) : cv::Vec3b(200, 180, static_cast<unsigned char>(y * 8 % 256));
  }
  return bgr;
}

inline std::string encode(const std::string& ending, const cv::Mat& bgr, const std::vector<int>& parameters = {}) {
  std::vector<unsigned char> bytes;
  cv::imencode(ending, bgr, bytes, parameters);
  return {bytes.begin(), bytes.end()};
}

/// EXIF data of one entry, the orientation.
inline std::string exif_data(char orientation) {
  const std::string tiff("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19);
  return tiff + orientation + std::string(6, '\0');
}

/// An APP1 segment with an EXIF orientation, to stand behind a JPEG's first two bytes.
inline std::string exif_segment(char orientation, const std::string& extra = "") {
  const std::string body = std::string("Exif\0\0", 6) + exif_data(orientation) + extra;
  const size_t length = body.size() + 2;
  return std::string("\xFF\xE1") + static_cast<char>(length >> 8) + static_cast<char>(length & 0xFF) + body;
}

inline std::string oriented_jpeg(char orientation, const std::string& extra = "") {
  const std::string jpeg = encode(".jpg", picture());
  return jpeg.substr(0, 2) + exif_segment(orientation, extra) + jpeg.substr(2);
}

inline std::string little_endian(size_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

/// A WebP in its extended form: a header with flags and size, the picture, EXIF data.
inline std::string oriented_webp(char orientation) {
  const cv::Mat bgr = picture();
  const std::string simple = encode(".webp", bgr, {cv::IMWRITE_WEBP_QUALITY, 101});
  constexpr size_t kHasExif = 8;
  const std::string exif = exif_data(orientation);
  const std::string chunks = "VP8X" + little_endian(10, 4) + little_endian(kHasExif, 4) +
                             little_endian(static_cast<size_t>(bgr.cols) - 1, 3) +
                             little_endian(static_cast<size_t>(bgr.rows) - 1, 3) + simple.substr(12) + "EXIF" +
                             little_endian(exif.size(), 4) + exif;
  return "RIFF" + little_endian(chunks.size() + 4, 4) + "WEBP" + chunks;
}

inline void put_big_endian(std::string& bytes, size_t at, uint32_t value, int count) {
  for (int i = count - 1; i >= 0; --i) {
    bytes[at + static_cast<size_t>(i)] = static_cast<char>(value & 0xFF);
    value >>= 8;
  }
}

/// A PNG with EXIF data in a chunk of its own behind the first.
inline std::string oriented_png(char orientation) {
  const std::string png = encode(".png", picture());
  constexpr size_t kFirstEnds = 8 + 25;
  const std::string body = "eXIf" + exif_data(orientation);
  std::string numbers(8, '\0');  // length and checksum
  put_big_endian(numbers, 0, static_cast<uint32_t>(body.size() - 4), 4);
  put_big_endian(
      numbers, 4,
      static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))), 4);
  return png.substr(0, kFirstEnds) + numbers.substr(0, 4) + body + numbers.substr(4) + png.substr(kFirstEnds);
}
