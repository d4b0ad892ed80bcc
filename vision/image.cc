#include "vision/image.h"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/atomic_file.h"
#include "vision/image_header.h"

namespace vision {
namespace {

/// Errors are reported by exceptions alone, so OpenCV's own lines on stderr are switched off once per process.
void silence_opencv() {
  [[maybe_unused]] static const auto previous = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

cv::Mat decode(const std::string& bytes) {
  const cv::Mat view(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(view, cv::IMREAD_COLOR);  // as BGR, turned by its EXIF orientation
  } catch (const cv::Exception&) {
    return {};
  }
}

/// Turns and mirrors as an EXIF orientation (1 to 8) asks: 5 to 8 swap rows and columns first.
void orient(cv::Mat& image, int orientation) {
  constexpr int kNoFlip = 2;
  constexpr int kUpsideDown = 0, kMirror = 1, kHalfTurn = -1;  // cv::flip's codes
  constexpr int kFlips[] = {kNoFlip, kMirror, kHalfTurn, kUpsideDown, kNoFlip, kMirror, kHalfTurn, kUpsideDown};
  if (orientation >= 5) cv::transpose(image, image);
  const int flip = kFlips[orientation - 1];
  if (flip != kNoFlip) cv::flip(image, image, flip);
}

}  // namespace

cv::Mat read_image(const std::filesystem::path& path) {
  silence_opencv();
  // A device or a pipe may never end.
  if (std::filesystem::is_other(path)) {
    throw std::runtime_error(path.string() + ": is no regular file; an image is a JPEG, PNG, BMP or WebP file");
  }
  const std::string bytes = data::read_file(path);
  ImageHeader header;
  try {
    header = check_image(bytes);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
  cv::Mat image = decode(bytes);
  if (image.empty()) {
    throw std::runtime_error(path.string() + ": cannot be decoded: damaged " + header.format +
                             " or a kind of it that is not known; save the picture again");
  }
  orient(image, header.webp_orientation);
  cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  return image;
}

void write_png(const std::filesystem::path& path, const cv::Mat& rgb) {
  silence_opencv();
  if (rgb.empty() || rgb.type() != CV_8UC3)
    throw std::invalid_argument("write_png: the picture has to be 8-bit RGB and not empty");
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<unsigned char> bytes;
  cv::imencode(".png", bgr, bytes);
  data::write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace vision
