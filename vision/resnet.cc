#include "vision/resnet.h"

#include <algorithm>
#include <array>

#include "data/settings.h"

namespace vision {
namespace {

namespace nn = torch::nn;

struct Architecture {
  const char* name;
  bool bottleneck;                // 1x1, 3x3, 1x1 convolutions, else two of 3x3
  std::array<int64_t, 4> blocks;  // residual blocks per layer
  std::array<int64_t, 4> widths;  // channels of the 3x3 convolutions per layer
  bool small_stem;                // one 3x3 convolution of stride 2 in place of 7x7 and max pooling
};

constexpr int64_t kExpansion = 4;  // a bottleneck's output channels per channel of its 3x3 convolution

constexpr Architecture kArchitectures[] = {
    {"resnet18", false, {2, 2, 2, 2}, {64, 128, 256, 512}, false},
    {"resnet34", false, {3, 4, 6, 3}, {64, 128, 256, 512}, false},
    {"resnet50", true, {3, 4, 6, 3}, {64, 128, 256, 512}, false},
    {"resnet101", true, {3, 4, 23, 3}, {64, 128, 256, 512}, false},
    {"resnet152", true, {3, 8, 36, 3}, {64, 128, 256, 512}, false},
    {"resnet-shapes", false, {1, 1, 2, 2}, {32, 48, 64, 96}, true},
};

nn::Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

struct BlockOptions {
  int64_t in = 0;     // channels
  int64_t width = 0;  // channels of the 3x3 convolutions
  int64_t out = 0;    // channels
  int64_t stride = 1;
  bool bottleneck = false;
};

/// relu(convolutions(x) + x), where x goes through `downsample` if the shape changes.
class BlockImpl : public nn::Module {
 public:
  explicit BlockImpl(const BlockOptions& options) {
    if (options.bottleneck) {
      add(options.in, options.width, 1, 1);
      add(options.width, options.width, 3, options.stride);
      add(options.width, options.out, 1, 1);
    } else {
      add(options.in, options.width, 3, options.stride);
      add(options.width, options.out, 3, 1);
    }
    if (options.stride == 1 && options.in == options.out) return;
    downsample_ = nn::Sequential(convolution(options.in, options.out, 1, options.stride), nn::BatchNorm2d(options.out));
    register_module("downsample", downsample_);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = x;
    for (size_t i = 0; i < convolutions_.size(); ++i) {
      y = norms_[i]->forward(convolutions_[i]->forward(y));
      if (i + 1 < convolutions_.size()) y = y.relu_();
    }
    y += downsample_ ? downsample_->forward(x) : x;
    return y.relu_();
  }

 private:
  void add(int64_t in, int64_t out, int64_t kernel, int64_t stride) {
    const std::string number = std::to_string(convolutions_.size() + 1);
    convolutions_.push_back(register_module("conv" + number, convolution(in, out, kernel, stride)));
    norms_.push_back(register_module("bn" + number, nn::BatchNorm2d(out)));
  }

  std::vector<nn::Conv2d> convolutions_;
  std::vector<nn::BatchNorm2d> norms_;
  nn::Sequential downsample_{nullptr};
};
TORCH_MODULE(Block);

}  // namespace

ResNetImpl::ResNetImpl(const ResNetOptions& options) {
  const Architecture& architecture = data::find_named("backbone", options.backbone, kArchitectures);
  bottleneck_ = architecture.bottleneck;
  max_pool_ = !architecture.small_stem;
  channels_ = architecture.widths[0];
  stride_ = architecture.small_stem ? 2 : 4;
  conv1_ = register_module("conv1", convolution(3, channels_, architecture.small_stem ? 3 : 7, 2));
  bn1_ = register_module("bn1", nn::BatchNorm2d(channels_));
  for (size_t i = 0; i < architecture.blocks.size(); ++i) {
    const int64_t layer_stride = i == 0 ? 1 : 2;
    layers_.push_back(register_module("layer" + std::to_string(i + 1),
                                      make_layer(architecture.blocks[i], architecture.widths[i], layer_stride)));
    stride_ *= layer_stride;
  }
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : parameters()) {
    if (parameter.dim() != 4) continue;
    nn::init::kaiming_normal_(parameter, 0, torch::kFanOut, torch::kReLU);
    // On a CPU, convolutions run a fifth faster in this order; it carries over from the weights to the images.
    parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

torch::nn::Sequential ResNetImpl::make_layer(int64_t blocks, int64_t width, int64_t layer_stride) {
  nn::Sequential layer;
  for (int64_t i = 0; i < blocks; ++i) {
    BlockOptions block;
    block.in = channels_;
    block.width = width;
    block.out = bottleneck_ ? width * kExpansion : width;
    block.stride = i == 0 ? layer_stride : 1;
    block.bottleneck = bottleneck_;
    layer->push_back(Block(block));
    channels_ = block.out;
  }
  return layer;
}

torch::Tensor ResNetImpl::forward(const torch::Tensor& images) {
  torch::Tensor grid = bn1_->forward(conv1_->forward(images)).relu_();
  if (max_pool_) grid = torch::max_pool2d(grid, 3, 2, 1);
  for (nn::Sequential& layer : layers_) grid = layer->forward(grid);
  return grid;
}

void ResNetImpl::set_frozen(bool frozen) {
  frozen_ = frozen;
  for (torch::Tensor& parameter : parameters()) parameter.requires_grad_(!frozen);
  if (frozen) eval();
}

void ResNetImpl::train(bool on) { nn::Module::train(on && !frozen_); }

std::vector<std::string> ResNetImpl::names() { return data::names_of(kArchitectures); }

}  // namespace vision
