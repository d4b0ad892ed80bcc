#include "vision/image.h"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/atomic_file.h"
#include "vision/jpeg.h"

namespace vision {
namespace fs = std::filesystem;

namespace {

constexpr uintmax_t kMaxFileBytes = uintmax_t{1} << 30;  // decoders count in int

/// Errors are reported by exceptions alone, so OpenCV's own lines on stderr are switched off once per process.
void silence_opencv() {
  [[maybe_unused]] static const auto previous = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
}

/// As RGB, the way it is stored: OpenCV knows the EXIF orientation of some formats alone.
cv::Mat decode(const std::string& bytes, const ImageHeader& header) {
  if (header.format == kJpeg) return decode_jpeg(bytes);
  const cv::Mat view(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  cv::Mat image;
  try {
    image = cv::imdecode(view, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception&) {
  }
  if (image.empty()) {
    throw std::runtime_error("cannot be decoded: damaged " + std::string(header.format) +
                             " or a kind of it that is not known; save the picture again");
  }
  cv::cvtColor(image, image, cv::COLOR_BGR2RGB);
  return image;
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

/// Refuses what is no file of a picture's size.
void check_file(const fs::path& path) {
  // A device or a pipe may never end.
  std::error_code unknown;
  if (fs::is_other(path, unknown)) {
    throw std::runtime_error(path.string() + ": is no regular file; an image is a JPEG, PNG, BMP or WebP file");
  }
  if (const auto size = fs::file_size(path, unknown); !unknown && size > kMaxFileBytes) {
    throw std::runtime_error(path.string() + ": has " + std::to_string(size >> 20) +
                             " MiB; is it a picture? They are read up to " + std::to_string(kMaxFileBytes >> 20) +
                             " MiB");
  }
}

std::string read_bytes(const fs::path& path) {
  check_file(path);
  return data::read_file(path);
}

/// What `call` gives; its std::runtime_error gets the path put in front.
template <class Call>
auto named(const fs::path& path, const Call& call) {
  try {
    return call();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

}  // namespace

cv::Mat read_image(const fs::path& path) {
  silence_opencv();
  const std::string bytes = read_bytes(path);
  return named(path, [&] {
    const ImageHeader header = check_image(bytes);
    cv::Mat image = decode(bytes, header);
    orient(image, header.orientation);
    return image;
  });
}

ImageHeader check_image_file(const fs::path& path) {
  const std::string bytes = read_bytes(path);
  return named(path, [&] { return check_image(bytes); });
}

ImageHeader read_image_header(const fs::path& path) {
  check_file(path);
  return named(path, [&] {
    ImageBytes bytes = ImageBytes::of_file(path);
    return image_header(bytes);
  });
}

void write_png(const fs::path& path, const cv::Mat& rgb) {
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
