// Decoded pictures to a network's input.
#pragma once

#include <torch/torch.h>

#include <array>
#include <cstdint>
#include <opencv2/core/mat.hpp>

namespace vision {

/// How a picture becomes a network's input. Stored with a model: the same options give the same tensor.
struct ImageTransformOptions {
  int64_t image_size = 448;                                 // side of the square, pixels, 1 to 8192
  std::array<double, 3> mean = {0.485, 0.456, 0.406};       // per channel R, G, B, of values in [0, 1]
  std::array<double, 3> deviation = {0.229, 0.224, 0.225};  // the same, above 0
};

/// Letters: I images, H and W pixels (both image_size).
class ImageTransform {
 public:
  /// Throws std::invalid_argument naming the field that is out of its range.
  explicit ImageTransform(const ImageTransformOptions& options);

  /// 8-bit RGB (H0, W0, 3) -> (3, H, W) uint8 in channels-last order. The sides are stretched to the square: a side
  /// that shrinks is averaged over areas (anti-aliased), one that grows is interpolated linearly. A picture that
  /// already has the size is not copied: the tensor shares its memory and keeps it alive, so leave the pixels alone
  /// afterwards.
  torch::Tensor resize(const cv::Mat& rgb) const;

  /// (I, 3, H, W) uint8 -> float32 in channels-last order on the same device: (value / 255 - mean) / deviation.
  torch::Tensor normalize(const torch::Tensor& images) const;

  const ImageTransformOptions& options() const { return options_; }

 private:
  ImageTransformOptions options_;
};

}  // namespace vision
