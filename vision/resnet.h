// Residual networks without the last pooling and the classifier: images to grid features. vision/resnet_shape.h says
// which there are and where they are from.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vision/resnet_shape.h"

namespace vision {

struct ResNetOptions {
  std::string backbone = "resnet50";  // one of ResNetImpl::names()
};

/// Letters: I images, H and W pixels, C channels, h and w grid cells: h = ceil(H / stride), w = ceil(W / stride);
/// CLIP's, which pool away an odd last row, have h = floor(ceil(H / 2) / 16) and want 31 pixels a side at least.
///
/// Parameters have torchvision's names ("conv1.weight", "layer1.0.bn1.bias", "layer4.0.downsample.0.weight", ...),
/// those of clip-rn* the names they have in CLIP below `visual.`; they are the checkpoint's format. `resnet-shapes` is
/// a small one for drawn pictures of about 64x64, trained from pixels: stride 16, so a 4x4 grid.
class ResNetImpl : public torch::nn::Module {
 public:
  /// Initialises as torchvision does: convolutions normal with variance 2 / fan_out, norms one and zero.
  /// Throws std::invalid_argument for an unknown backbone.
  explicit ResNetImpl(const ResNetOptions& options);

  /// (I, 3, H, W) -> (I, C, h, w): the output of `layer4`, in channels-last order whatever the images' own.
  /// Throws std::invalid_argument for images that leave no cell.
  torch::Tensor forward(const torch::Tensor& images);

  int64_t channels() const { return shape_.channels; }  // C
  int64_t stride() const { return shape_.stride; }      // pixels per grid cell: 32, or 16 for resnet-shapes
  const ResNetShape& shape() const { return shape_; }

  /// Frozen: no parameter has a gradient, and batch norms use and keep their running statistics even when a parent
  /// module is put in training mode. Thawed: parameters have gradients; call train() for the mode.
  void set_frozen(bool frozen);
  bool frozen() const { return frozen_; }
  void train(bool on = true) override;

  /// The backbones that can be asked for.
  static std::vector<std::string> names() { return resnet_names(); }

 private:
  ResNetShape shape_;
  std::vector<std::pair<torch::nn::Conv2d, torch::nn::BatchNorm2d>> stem_;
  std::vector<torch::nn::Sequential> layers_;  // layer1 to layer4
  bool frozen_ = false;
};
TORCH_MODULE(ResNet);

/// Throws std::invalid_argument where images of these sizes leave a network of this shape no grid cell.
void check_image_size(const ResNetShape& shape, int64_t height, int64_t width);

/// Cells along a side of so many pixels.
int64_t grid_side(const ResNetShape& shape, int64_t pixels);

}  // namespace vision
