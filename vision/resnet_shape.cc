#include "vision/resnet_shape.h"

#include <array>

#include "data/settings.h"

namespace vision {
namespace {

enum class Family {
  kBasic,       // two 3x3 convolutions in a block
  kBottleneck,  // 1x1, 3x3, 1x1
  kClip,        // the same with average pooling for strides, and a stem of three
  kSmall,       // basic, with a stem of one 3x3 convolution of stride 2
};

struct Architecture {
  const char* name;
  Family family;
  std::array<int64_t, 4> blocks;  // residual blocks per layer
  std::array<int64_t, 4> widths;  // per layer; a bottleneck puts out four times as many channels
  int64_t widening = 1;           // channels of the 3x3 convolutions per `width`
  int64_t groups = 1;             // of the 3x3 convolutions
};

constexpr int64_t kExpansion = 4;  // a bottleneck's output channels per width

constexpr Architecture kArchitectures[] = {
    {"resnet18", Family::kBasic, {2, 2, 2, 2}, {64, 128, 256, 512}},
    {"resnet34", Family::kBasic, {3, 4, 6, 3}, {64, 128, 256, 512}},
    {"resnet50", Family::kBottleneck, {3, 4, 6, 3}, {64, 128, 256, 512}},
    {"resnet101", Family::kBottleneck, {3, 4, 23, 3}, {64, 128, 256, 512}},
    {"resnet152", Family::kBottleneck, {3, 8, 36, 3}, {64, 128, 256, 512}},
    {"resnext50_32x4d", Family::kBottleneck, {3, 4, 6, 3}, {64, 128, 256, 512}, 2, 32},
    {"resnext101_32x8d", Family::kBottleneck, {3, 4, 23, 3}, {64, 128, 256, 512}, 4, 32},
    {"resnext101_64x4d", Family::kBottleneck, {3, 4, 23, 3}, {64, 128, 256, 512}, 4, 64},
    {"clip-rn50", Family::kClip, {3, 4, 6, 3}, {64, 128, 256, 512}},
    {"clip-rn101", Family::kClip, {3, 4, 23, 3}, {64, 128, 256, 512}},
    {"clip-rn50x4", Family::kClip, {4, 6, 10, 6}, {80, 160, 320, 640}},
    {"clip-rn50x16", Family::kClip, {6, 8, 18, 8}, {96, 192, 384, 768}},
    {"clip-rn50x64", Family::kClip, {3, 15, 36, 10}, {128, 256, 512, 1024}},
    {"resnet-shapes", Family::kSmall, {1, 1, 2, 2}, {32, 48, 64, 96}},
};

bool has_bottlenecks(const Architecture& a) { return a.family == Family::kBottleneck || a.family == Family::kClip; }

std::vector<ConvolutionShape> stem(const Architecture& a) {
  const int64_t width = a.widths[0];
  switch (a.family) {
    case Family::kClip:
      return {{"conv1", "bn1", 3, width / 2, 3, 2},
              {"conv2", "bn2", width / 2, width / 2, 3},
              {"conv3", "bn3", width / 2, width, 3}};
    case Family::kSmall:
      return {{"conv1", "bn1", 3, width, 3, 2}};
    default:
      return {{"conv1", "bn1", 3, width, 7, 2}};
  }
}

StemPool stem_pool(Family family) {
  if (family == Family::kSmall) return StemPool::kNone;
  return family == Family::kClip ? StemPool::kAverage2 : StemPool::kMax3;
}

/// A block that takes `in` channels and moves by `stride`, the first convolutions' names counting from 1.
BlockShape block(const Architecture& a, int64_t in, int64_t width, int64_t stride) {
  BlockShape block;
  block.anti_aliased = a.family == Family::kClip;
  block.pool = block.anti_aliased ? stride : 1;
  const int64_t step = block.anti_aliased ? 1 : stride;
  const int64_t inner = width * a.widening;
  const int64_t out = has_bottlenecks(a) ? width * kExpansion : width;
  if (has_bottlenecks(a)) {
    block.convolutions = {{"conv1", "bn1", in, inner, 1, 1},
                          {"conv2", "bn2", inner, inner, 3, step, a.groups},
                          {"conv3", "bn3", inner, out, 1, 1}};
  } else {
    block.convolutions = {{"conv1", "bn1", in, inner, 3, step}, {"conv2", "bn2", inner, out, 3, 1}};
  }
  if (stride != 1 || in != out) block.downsample = {"downsample.0", "downsample.1", in, out, 1, step};
  return block;
}

}  // namespace

ResNetShape resnet_shape(const std::string& name) {
  const Architecture& architecture = data::find_named("backbone", name, kArchitectures);
  ResNetShape shape;
  shape.stem = stem(architecture);
  shape.stem_pool = stem_pool(architecture.family);
  shape.stride = shape.stem_pool == StemPool::kNone ? 2 : 4;
  shape.channels = architecture.widths[0];
  for (size_t i = 0; i < architecture.blocks.size(); ++i) {
    const int64_t layer_stride = i == 0 ? 1 : 2;
    std::vector<BlockShape>& layer = shape.layers.emplace_back();
    for (int64_t j = 0; j < architecture.blocks[i]; ++j) {
      layer.push_back(block(architecture, shape.channels, architecture.widths[i], j == 0 ? layer_stride : 1));
      layer.back().name = "layer" + std::to_string(i + 1) + "." + std::to_string(j) + ".";
      shape.channels = layer.back().convolutions.back().out;
    }
    shape.stride *= layer_stride;
  }
  return shape;
}

std::vector<std::string> resnet_names() { return data::names_of(kArchitectures); }

}  // namespace vision
