#include "vision/image_transform.h"

#include <array>
#include <stdexcept>

#include "data/settings.h"

namespace vision {
namespace {

/// Pixels (H, W, 3) as a (3, H, W) tensor that shares their memory.
torch::Tensor as_tensor(const cv::Mat& rgb) {
  const auto row = static_cast<int64_t>(rgb.step[0]);
  return torch::from_blob(
      rgb.data, {3, rgb.rows, rgb.cols}, {1, row, 3}, [owner = rgb](void*) {}, torch::kUInt8);
}

}  // namespace

ImageTransform::ImageTransform(const ImageTransformOptions& options)
    : options_(options),
      rule_(&data::find_named("image-rule", options.rule, image_rules())),
      size_(ImageSize::parse(options.size)) {}

torch::Tensor ImageTransform::resize(const cv::Mat& rgb) const {
  if (rgb.empty() || rgb.type() != CV_8UC3)
    throw std::invalid_argument("resize: the picture has to be 8-bit RGB and not empty");
  const Extent extent = size_.of({rgb.rows, rgb.cols});
  const cv::Size size(static_cast<int>(extent.width), static_cast<int>(extent.height));
  // Without OpenCV's count of owners nothing could keep the pixels alive.
  if (size == rgb.size()) return as_tensor(rgb.u != nullptr ? rgb : rgb.clone());
  return as_tensor(resample(rgb, size, rule_->filter));
}

torch::Tensor ImageTransform::normalize(const torch::Tensor& images) const {
  if (images.dim() != 4 || images.size(1) != 3 || images.scalar_type() != torch::kUInt8)
    throw std::invalid_argument("normalize: the images have to be (I, 3, H, W) of 8-bit numbers");
  torch::Tensor normal = torch::empty(
      images.sizes(), images.options().dtype(torch::kFloat32).memory_format(at::MemoryFormat::ChannelsLast));
  if (rule_->bgr) {
    for (int64_t c = 0; c < 3; ++c) normal.select(1, c).copy_(images.select(1, 2 - c));
  } else {
    normal.copy_(images);
  }
  // Rows of neighbouring numbers, against rows of what belongs to each: LibTorch is slow along three channels alone.
  const int64_t width = images.size(3);
  torch::Tensor rows = normal.permute({0, 2, 3, 1}).view({images.size(0), images.size(2), width * 3});
  const auto row_of = [&](const std::array<double, 3>& channels) {
    return torch::tensor(at::ArrayRef<double>(channels), torch::kFloat64).to(rows.options()).repeat({width});
  };
  // One pass divides and adds.
  torch::addcdiv_out(rows, row_of(rule_->mean).neg(), rows, torch::scalar_tensor(rule_->scale, rows.options()));
  rows.div_(row_of(rule_->deviation));
  return normal;
}

}  // namespace vision
