#include "vision/image_transform.h"

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
  // By channel, so that their order costs nothing and the numbers stay scalars.
  for (int64_t c = 0; c < 3; ++c) {
    const auto i = static_cast<size_t>(c);
    normal.select(1, c)
        .copy_(images.select(1, rule_->bgr ? 2 - c : c))
        .div_(rule_->scale)
        .sub_(rule_->mean[i])
        .div_(rule_->deviation[i]);
  }
  return normal;
}

}  // namespace vision
