#include "vision/image_transform.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>

#include "data/settings.h"

namespace vision {
namespace {

constexpr int64_t kMaxImageSize = 8192;

/// Pixels (H, W, 3) as a (3, H, W) tensor that shares their memory.
torch::Tensor as_tensor(const cv::Mat& rgb) {
  const auto row = static_cast<int64_t>(rgb.step[0]);
  return torch::from_blob(
      rgb.data, {3, rgb.rows, rgb.cols}, {1, row, 3}, [owner = rgb](void*) {}, torch::kUInt8);
}

/// OpenCV averages over areas only where both sides shrink, so the sides that grow wait for a second step.
cv::Mat resize_to_square(const cv::Mat& rgb, int side) {
  cv::Mat shrunk = rgb;
  const cv::Size smaller(std::min(rgb.cols, side), std::min(rgb.rows, side));
  if (smaller != rgb.size()) cv::resize(rgb, shrunk, smaller, 0, 0, cv::INTER_AREA);
  if (smaller == cv::Size(side, side)) return shrunk;
  cv::Mat square;
  cv::resize(shrunk, square, cv::Size(side, side), 0, 0, cv::INTER_LINEAR);
  return square;
}

torch::Tensor per_channel(const std::array<double, 3>& values, torch::Device device) {
  const std::array<float, 3> narrow = {static_cast<float>(values[0]), static_cast<float>(values[1]),
                                       static_cast<float>(values[2])};
  return torch::tensor(at::ArrayRef<float>(narrow)).view({1, 3, 1, 1}).to(device);
}

}  // namespace

ImageTransform::ImageTransform(const ImageTransformOptions& options) : options_(options) {
  data::check_range("image-size", options.image_size, 1, kMaxImageSize);
  for (const double deviation : options.deviation) {
    if (!(deviation > 0)) data::refuse_value("image-deviation", deviation, "above 0");
  }
}

torch::Tensor ImageTransform::resize(const cv::Mat& rgb) const {
  if (rgb.empty() || rgb.type() != CV_8UC3)
    throw std::invalid_argument("resize: the picture has to be 8-bit RGB and not empty");
  const int side = static_cast<int>(options_.image_size);
  // Without OpenCV's count of owners nothing could keep the pixels alive.
  if (rgb.rows == side && rgb.cols == side) return as_tensor(rgb.u != nullptr ? rgb : rgb.clone());
  return as_tensor(resize_to_square(rgb, side));
}

torch::Tensor ImageTransform::normalize(const torch::Tensor& images) const {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != torch::kUInt8)
    throw std::invalid_argument("normalize: the images have to be (I, 3, H, W) of 8-bit numbers");
  return images.to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true, at::MemoryFormat::ChannelsLast)
      .div_(255)
      .sub_(per_channel(options_.mean, images.device()))
      .div_(per_channel(options_.deviation, images.device()));
}

}  // namespace vision
