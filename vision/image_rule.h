// Named rules: how published networks want their pictures, channels, numbers and filter. No LibTorch here.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "vision/resample.h"

namespace vision {

/// Channel c of a network's input is (value / scale - mean[c]) / deviation[c]; c counts in the network's own order.
struct ImageRule {
  std::string name;
  bool bgr = false;  // the network's channels are blue, green, red
  double scale = 1;  // what mean and deviation are shares of: 255 where they are of values in [0, 1]
  std::array<double, 3> mean, deviation;
  Filter filter = Filter::kBilinear;
};

/// Every rule there is: the one place that knows their numbers.
const std::vector<ImageRule>& image_rules();

}  // namespace vision
