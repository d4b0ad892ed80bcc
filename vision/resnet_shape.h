// The residual networks as numbers: which convolutions, in which order, called what. One table that the network
// (vision/resnet.h) and the plan for inference (vision/inference_plan.h) are built from.
//
// resnet*: He et al. 2016, "Deep Residual Learning for Image Recognition", with the stride in a bottleneck's 3x3
// convolution. resnext*: Xie et al. 2017, "Aggregated Residual Transformations for Deep Neural Networks": 3x3
// convolutions in groups. clip-rn*: the ModifiedResNets of Radford et al. 2021, "Learning Transferable Visual Models
// From Natural Language Supervision", section 2.4: a stem of three convolutions, and average pooling before a
// convolution in place of a stride (Zhang 2019, "Making Convolutional Networks Shift-Invariant Again").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vision {

/// A convolution without bias, padded by half its kernel, and the batch norm behind it.
struct ConvolutionShape {
  std::string name;  // of its parameters: "conv2" for "conv2.weight", within its block
  std::string norm;  // of the batch norm's: "bn2"
  int64_t in = 0;    // channels
  int64_t out = 0;   // channels
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t groups = 1;
};

/// relu(convolutions(x) + x), with a ReLU between the convolutions; x goes through `downsample` if the shape changes.
struct BlockShape {
  std::string name;  // of its parameters, with a dot at the end: "layer1.0."
  std::vector<ConvolutionShape> convolutions;
  std::optional<ConvolutionShape> downsample;
  bool anti_aliased = false;  // CLIP's: pooling of `pool` x `pool` cells before the last convolution and `downsample`
  int64_t pool = 1;
};

enum class StemPool { kNone, kMax3, kAverage2 };  // max of 3x3 by 2; average of 2x2 by 2

struct ResNetShape {
  std::vector<ConvolutionShape> stem;  // a ReLU behind each
  StemPool stem_pool = StemPool::kMax3;
  std::vector<std::vector<BlockShape>> layers;  // layer1 to layer4
  int64_t channels = 0;                         // of the last layer
  int64_t stride = 0;                           // pixels per grid cell
};

/// The shape of the backbone called `name`. Throws std::invalid_argument naming the allowed ones.
ResNetShape resnet_shape(const std::string& name);

/// The backbones that can be asked for.
std::vector<std::string> resnet_names();

}  // namespace vision
