#include "vision/augment.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "data/exact_random.h"

namespace vision {
namespace {

constexpr double kWhite = 255, kGrey = kWhite / 2;

/// Even in [0, 1], in steps that a double holds exactly.
double share(data::ExactRandom& random) {
  constexpr int64_t kSteps = int64_t{1} << 30;
  return static_cast<double>(random.between(0, kSteps)) / static_cast<double>(kSteps);
}

/// Even in [-1, 1].
double either_way(data::ExactRandom& random) { return 2 * share(random) - 1; }

/// The pixels of a side of `side` that are kept.
cv::Range kept(int side, double length, double place) {
  const int count = std::clamp(static_cast<int>(std::lround(side * length)), 1, side);
  const int first = static_cast<int>(std::lround((side - count) * place));
  return {first, first + count};
}

void require_rgb(const cv::Mat& rgb) {
  if (rgb.empty() || rgb.type() != CV_8UC3)
    throw std::invalid_argument("augment: the picture has to be 8-bit RGB and not empty");
}

}  // namespace

Augmentation::Augmentation(const AugmentOptions& options, uint64_t seed) : options_(options) {
  data::ExactRandom random(seed);
  for (Span* span : {&rows_, &columns_}) {
    span->length = 1 - options.crop * share(random);
    span->place = share(random);
  }
  degrees_ = options.rotate * either_way(random);
  gain_ = 1 + options.contrast * either_way(random);
  shift_ = kWhite * options.brightness * either_way(random);
}

cv::Mat Augmentation::crop(const cv::Mat& rgb) const {
  require_rgb(rgb);
  return rgb(kept(rgb.rows, rows_.length, rows_.place), kept(rgb.cols, columns_.length, columns_.place));
}

void Augmentation::change(cv::Mat& rgb) const {
  require_rgb(rgb);
  if (options_.rotate > 0) {
    const cv::Point2f middle(static_cast<float>(rgb.cols - 1) / 2, static_cast<float>(rgb.rows - 1) / 2);
    cv::warpAffine(rgb.clone(), rgb, cv::getRotationMatrix2D(middle, degrees_, 1), rgb.size(), cv::INTER_LINEAR,
                   cv::BORDER_REPLICATE);
  }
  if (options_.contrast > 0 || options_.brightness > 0)
    rgb.convertTo(rgb, -1, gain_, kGrey * (1 - gain_) + shift_);  // rounded, and held within 0 to 255
}

}  // namespace vision
