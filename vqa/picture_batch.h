// Picture files as one tensor.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>

#include "vision/augment.h"
#include "vision/image_transform.h"

namespace vqa {

/// Pictures that all become the same size, each decoded into a place of its own. Letters: I places, H and W pixels.
class PictureBatch {
 public:
  /// `size` is what `transform`, which has to outlive this, makes of each picture: (H, W).
  PictureBatch(int64_t places, const vision::Extent& size, const vision::ImageTransform& transform);

  /// Decodes and resizes a picture into a place, 0 to I - 1, changed by `augmentation` unless that is null. Several
  /// threads may fill places at once. Throws std::runtime_error with the path for a file that cannot be decoded, and
  /// for one that gets another size.
  void fill(int64_t place, const std::filesystem::path& picture, const vision::Augmentation* augmentation = nullptr);

  /// (I, 3, H, W) uint8 in channels-last order, on the CPU.
  const torch::Tensor& pixels() const { return pixels_; }

 private:
  vision::Extent size_;
  const vision::ImageTransform& transform_;
  torch::Tensor pixels_;
};

}  // namespace vqa
