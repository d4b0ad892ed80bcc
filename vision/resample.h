// Resizing as Pillow does it, to the last bit. No LibTorch here.
#pragma once

#include <opencv2/core/mat.hpp>

namespace vision {

enum class Filter {
  kBilinear,  // a triangle of one pixel to each side
  kBicubic    // Keys' cubic with a = -1/2, two pixels to each side
};

/// 8-bit RGB (H0, W0, 3) -> (size.height, size.width, 3), sides of 1 or more. Columns first, then rows, rounded to 8
/// bits in between, as every Pillow before 13 does it (13 begins with the rows where that is less work, which moves
/// some bytes by one); where a side shrinks, the filter is widened by the same factor (anti-aliased). The picture
/// itself, not a copy, where it has the size already. Throws std::invalid_argument for another kind of matrix or no
/// size.
cv::Mat resample(const cv::Mat& rgb, cv::Size size, Filter filter);

}  // namespace vision
