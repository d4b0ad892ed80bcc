// JPEG decoding by libjpeg-turbo, without OpenCV, which lets libjpeg print. No LibTorch here.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string_view>

namespace vision {

/// A JPEG file's bytes to 8-bit RGB (H, W, 3) as stored, not turned by its EXIF orientation; the pixels are those that
/// Pillow gives, CMYK included. What libjpeg warns of is accepted where all pixels are still the file's own (stray
/// bytes between segments, an unknown JFIF version); where it had to invent some, as after damage in the compressed
/// data, the picture is refused. Throws std::runtime_error with libjpeg's words, without a path. Safe to call from
/// several threads.
cv::Mat decode_jpeg(std::string_view bytes);

}  // namespace vision
