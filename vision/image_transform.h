// Decoded pictures to a network's input.
#pragma once

#include <torch/torch.h>

#include <opencv2/core/mat.hpp>
#include <string>

#include "vision/image_rule.h"
#include "vision/image_size.h"

namespace vision {

/// How a picture becomes a network's input. Stored with a model: the same options give the same tensor.
struct ImageTransformOptions {
  std::string rule = "torchvision";  // channel order, mean, deviation and filter: a name of image_rules()
  std::string size = "448";          // as ImageSize reads it
};

/// Letters: I images, H and W pixels.
class ImageTransform {
 public:
  /// Throws std::invalid_argument naming the field that is wrong.
  explicit ImageTransform(const ImageTransformOptions& options);

  /// 8-bit RGB (H0, W0, 3) -> (3, H, W) uint8 in channels-last order, still red, green, blue, where (H, W) is
  /// size().of(H0, W0): the pixels that Pillow's resize gives with the rule's filter. A picture that already has the
  /// size is not copied: the tensor shares its memory and keeps it alive, so leave the pixels alone afterwards.
  torch::Tensor resize(const cv::Mat& rgb) const;

  /// (I, 3, H, W) uint8 -> float32 in channels-last order on the same device: in the rule's order of channels,
  /// (value / scale - mean) / deviation.
  torch::Tensor normalize(const torch::Tensor& images) const;

  const ImageTransformOptions& options() const { return options_; }
  const ImageSize& size() const { return size_; }

 private:
  ImageTransformOptions options_;
  const ImageRule* rule_;  // in image_rules()
  ImageSize size_;
};

}  // namespace vision
