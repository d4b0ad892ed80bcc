#include "vision/resample.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "vision/resample_rows.h"

namespace vision {
namespace {

double weight(Filter filter, double x) {
  x = std::abs(x);
  if (filter == Filter::kBilinear) return x < 1 ? 1 - x : 0;
  constexpr double a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/// Each step is computed in double and in this order, so that every weight rounds as Pillow's does.
Taps make_taps(int in, int out, Filter filter) {
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double support = (filter == Filter::kBilinear ? 1 : 2) * widening;
  Taps taps;
  taps.stride = static_cast<size_t>(std::ceil(support)) * 2 + 2;
  taps.weights.resize(taps.stride * static_cast<size_t>(out));
  std::vector<double> exact(taps.stride);
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int count = std::min(in, static_cast<int>(center + support + 0.5)) - first;
    double total = 0;
    for (int t = 0; t < count; ++t) {
      exact[static_cast<size_t>(t)] = weight(filter, (t + first - center + 0.5) * (1 / widening));
      total += exact[static_cast<size_t>(t)];
    }
    int32_t* rounded = &taps.weights[taps.stride * static_cast<size_t>(i)];
    for (int t = 0; t < count; ++t) {
      const double share = exact[static_cast<size_t>(t)] / total * (1 << kWeightFraction);
      rounded[t] = static_cast<int32_t>(share < 0 ? share - 0.5 : share + 0.5);
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

}  // namespace

cv::Mat resample(const cv::Mat& rgb, cv::Size size, Filter filter) {
  if (rgb.empty() || rgb.type() != CV_8UC3 || size.width < 1 || size.height < 1)
    throw std::invalid_argument("resample: needs 8-bit RGB, not empty, and sides of 1 or more");
  if (size == rgb.size()) return rgb;
  const RowKernels kernels = best_row_kernels();
  const Taps across = make_taps(rgb.cols, size.width, filter), down = make_taps(rgb.rows, size.height, filter);
  const size_t row_in = 3 * static_cast<size_t>(rgb.cols), row_out = 3 * static_cast<size_t>(size.width);
  std::vector<uint8_t> padded(row_in + kRowSlack);
  // Source rows with their columns done, each in its slot until no later output row needs it.
  const size_t slots = down.stride, pitch = row_out + 1;
  std::vector<uint8_t> done(slots * pitch);
  const auto slot = [&](int y) { return done.data() + static_cast<size_t>(y) % slots * pitch; };
  std::vector<const uint8_t*> rows(slots);
  cv::Mat result(size, CV_8UC3);
  int next = 0;
  for (int y = 0; y < size.height; ++y) {
    const auto i = static_cast<size_t>(y);
    const int end = down.first[i] + down.count[i];
    for (next = std::max(next, down.first[i]); next < end; ++next) {
      std::memcpy(padded.data(), rgb.ptr(next), row_in);
      kernels.resample(padded.data(), across, slot(next));
    }
    for (int t = 0; t < down.count[i]; ++t) rows[static_cast<size_t>(t)] = slot(down.first[i] + t);
    kernels.blend(rows.data(), &down.weights[i * down.stride], down.count[i], result.ptr(y), row_out);
  }
  return result;
}

}  // namespace vision
