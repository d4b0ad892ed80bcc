// Pictures changed at random, so that a network that sees few of them does not learn them by heart. No LibTorch here.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>

#include "vision/augment_options.h"

namespace vision {

/// The changes to one picture. They follow from options and seed alone, the same on every machine; a strength set to 0
/// does not move the others.
class Augmentation {
 public:
  Augmentation(const AugmentOptions& options, uint64_t seed);

  /// A part of a picture (H0, W0, 3), whose memory it shares: each side keeps at least 1 - options.crop of its length
  /// (and one pixel), so resized to a square it is zoomed, moved and stretched. For the picture as decoded: of what is
  /// cut away nothing is lost in sharpness.
  cv::Mat crop(const cv::Mat& rgb) const;

  /// Turns a picture (H, W, 3) about its middle, its edges drawn out into the corners, then changes contrast and
  /// brightness: in place, without LibTorch's or OpenCV's threads. For the picture as resized: few pixels.
  void change(cv::Mat& rgb) const;

 private:
  struct Span {
    double length = 1;  // share of a side that is kept
    double place = 0;   // where it begins, as a share of what is cut away
  };
  AugmentOptions options_;
  Span rows_, columns_;
  double degrees_ = 0;
  double gain_ = 1;   // of a value's distance from grey
  double shift_ = 0;  // added to values of 0 to 255
};

}  // namespace vision
