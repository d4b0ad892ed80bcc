// Residual networks (He et al. 2016, "Deep Residual Learning for Image Recognition"; the variant with the stride in a
// bottleneck's 3x3 convolution), without pooling and classifier: images to grid features.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace vision {

struct ResNetOptions {
  std::string backbone = "resnet50";  // one of ResNetImpl::names()
};

/// Letters: I images, H and W pixels, C channels, h and w grid cells: h = ceil(H / stride), w = ceil(W / stride).
///
/// resnet18, 34, 50, 101 and 152 have torchvision's parameter names ("conv1.weight", "layer1.0.bn1.bias",
/// "layer4.0.downsample.0.weight", ...), which are the checkpoint's format. `resnet-shapes` is a small one for drawn
/// pictures of about 64x64, trained from pixels: stride 16, so a 4x4 grid.
class ResNetImpl : public torch::nn::Module {
 public:
  /// Initialises as torchvision does: convolutions normal with variance 2 / fan_out, norms one and zero.
  /// Throws std::invalid_argument for an unknown backbone.
  explicit ResNetImpl(const ResNetOptions& options);

  /// (I, 3, H, W) -> (I, C, h, w): the output of `layer4`, in channels-last order whatever the images' own.
  torch::Tensor forward(const torch::Tensor& images);

  int64_t channels() const { return channels_; }  // C
  int64_t stride() const { return stride_; }      // pixels per grid cell: 32, or 16 for resnet-shapes

  /// Frozen: no parameter has a gradient, and batch norms use and keep their running statistics even when a parent
  /// module is put in training mode. Thawed: parameters have gradients; call train() for the mode.
  void set_frozen(bool frozen);
  bool frozen() const { return frozen_; }
  void train(bool on = true) override;

  /// The backbones that can be asked for.
  static std::vector<std::string> names();

 private:
  torch::nn::Sequential make_layer(int64_t blocks, int64_t width, int64_t layer_stride);

  torch::nn::Conv2d conv1_{nullptr};
  torch::nn::BatchNorm2d bn1_{nullptr};
  std::vector<torch::nn::Sequential> layers_;  // layer1 to layer4
  bool bottleneck_ = false;
  bool max_pool_ = true;
  int64_t channels_ = 0;
  int64_t stride_ = 0;
  bool frozen_ = false;
};
TORCH_MODULE(ResNet);

}  // namespace vision
