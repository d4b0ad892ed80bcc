#include "vision/resnet.h"

#include <algorithm>
#include <stdexcept>

namespace vision {
namespace {

namespace nn = torch::nn;

nn::Conv2d convolution(const ConvolutionShape& shape) {
  return nn::Conv2d(nn::Conv2dOptions(shape.in, shape.out, shape.kernel)
                        .stride(shape.stride)
                        .padding(shape.kernel / 2)
                        .groups(shape.groups)
                        .bias(false));
}

/// relu(convolutions(x) + x); see BlockShape.
class BlockImpl : public nn::Module {
 public:
  explicit BlockImpl(const BlockShape& shape) : pool_(shape.pool) {
    for (const ConvolutionShape& each : shape.convolutions) {
      convolutions_.push_back(register_module(each.name, convolution(each)));
      norms_.push_back(register_module(each.norm, nn::BatchNorm2d(each.out)));
    }
    if (!shape.downsample) return;
    downsample_ = nn::Sequential();
    if (shape.anti_aliased) downsample_->push_back("-1", nn::AvgPool2d(pool_));
    downsample_->push_back("0", convolution(*shape.downsample));
    downsample_->push_back("1", nn::BatchNorm2d(shape.downsample->out));
    register_module("downsample", downsample_);
  }

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor y = x;
    for (size_t i = 0; i < convolutions_.size(); ++i) {
      if (i + 1 == convolutions_.size() && pool_ > 1) y = torch::avg_pool2d(y, pool_);
      y = norms_[i]->forward(convolutions_[i]->forward(y));
      if (i + 1 < convolutions_.size()) y = y.relu_();
    }
    y += downsample_ ? downsample_->forward(x) : x;
    return y.relu_();
  }

 private:
  std::vector<nn::Conv2d> convolutions_;
  std::vector<nn::BatchNorm2d> norms_;
  nn::Sequential downsample_{nullptr};
  int64_t pool_ = 1;
};
TORCH_MODULE(Block);

}  // namespace

ResNetImpl::ResNetImpl(const ResNetOptions& options) : shape_(resnet_shape(options.backbone)) {
  for (const ConvolutionShape& each : shape_.stem) {
    nn::Conv2d conv = register_module(each.name, convolution(each));
    stem_.emplace_back(conv, register_module(each.norm, nn::BatchNorm2d(each.out)));
  }
  for (const std::vector<BlockShape>& blocks : shape_.layers) {
    nn::Sequential layer;
    for (const BlockShape& block : blocks) layer->push_back(Block(block));
    layers_.push_back(register_module("layer" + std::to_string(layers_.size() + 1), layer));
  }
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : parameters()) {
    if (parameter.dim() != 4) continue;
    nn::init::kaiming_normal_(parameter, 0, torch::kFanOut, torch::kReLU);
    // On a CPU, convolutions run a fifth faster in this order; it carries over from the weights to the images.
    parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
}

torch::Tensor ResNetImpl::forward(const torch::Tensor& images) {
  check_image_size(shape_, images.size(2), images.size(3));
  torch::Tensor grid = images;
  for (auto& [conv, norm] : stem_) grid = norm->forward(conv->forward(grid)).relu_();
  if (shape_.stem_pool == StemPool::kMax3) grid = torch::max_pool2d(grid, 3, 2, 1);
  if (shape_.stem_pool == StemPool::kAverage2) grid = torch::avg_pool2d(grid, 2);
  for (nn::Sequential& layer : layers_) grid = layer->forward(grid);
  return grid;
}

void ResNetImpl::set_frozen(bool frozen) {
  frozen_ = frozen;
  for (torch::Tensor& parameter : parameters()) parameter.requires_grad_(!frozen);
  if (frozen) eval();
}

void ResNetImpl::train(bool on) { nn::Module::train(on && !frozen_); }

void check_image_size(const ResNetShape& shape, int64_t height, int64_t width) {
  // Only average pooling loses a last row: every step halves down after the stem's first, which halves up.
  const int64_t least = shape.stem_pool == StemPool::kAverage2 ? shape.stride - 1 : 1;
  if (std::min(height, width) >= least) return;
  throw std::invalid_argument("image of " + std::to_string(height) + "x" + std::to_string(width) +
                              " pixels: this backbone needs " + std::to_string(least) + " a side or more");
}

int64_t grid_side(const ResNetShape& shape, int64_t pixels) {
  // Every step halves, rounding up; CLIP's do so in the stem's first convolution alone.
  const bool down = shape.stem_pool == StemPool::kAverage2;
  return down ? (pixels + 1) / 2 / (shape.stride / 2) : (pixels + shape.stride - 1) / shape.stride;
}

}  // namespace vision
