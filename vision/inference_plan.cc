#include "vision/inference_plan.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "data/settings.h"
#include "data/weights.h"

namespace vision {
namespace {

constexpr size_t kFirstLayers = 2;                   // that are run on few images at a time
constexpr int64_t kCachedNumbers = 4 * 1024 * 1024;  // of layer1's grids at a time: 16 MB

/// The tensor called `name`, which the file has no more. Throws std::runtime_error where it is missing or has another
/// shape.
torch::Tensor take(data::TensorFile& file, const std::string& name, at::IntArrayRef shape) {
  const auto found = file.tensors.extract(name);
  if (found.empty()) throw std::runtime_error("weights: tensor '" + name + "' is missing");
  const torch::Tensor& tensor = found.mapped();
  if (tensor.sizes() == shape) return tensor.detach().cpu();
  std::ostringstream message;
  message << "weights: tensor '" << name << "' has shape " << tensor.sizes() << "; the backbone needs " << shape;
  throw std::runtime_error(message.str());
}

/// The weights of a convolution with its norm; `prefix` is the block's.
ConvolutionWeights take_weights(data::TensorFile& file, const std::string& prefix, const ConvolutionShape& shape) {
  const std::string norm = prefix + shape.norm + ".";
  const auto vector = [&](const char* leaf) { return take(file, norm + leaf, {shape.out}); };
  const torch::Tensor weight =
      take(file, prefix + shape.name + ".weight", {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel});
  return fold(weight, vector("weight"), vector("bias"), vector("running_mean"), vector("running_var"));
}

}  // namespace

std::vector<std::string> inference_precisions() { return {"float32", "bfloat16", "int8"}; }

void check_precision(const std::string& precision) {
  data::check_name("precision", precision, inference_precisions());
  if (precision == "bfloat16" && !__builtin_cpu_supports("avx512bf16"))
    throw std::invalid_argument("precision: 'bfloat16'; this processor has no bfloat16 arithmetic; use float32");
}

InferencePlan::InferencePlan(const std::string& backbone, data::TensorFile weights, const InferenceOptions& options)
    : InferencePlan(resnet_shape(backbone), std::move(weights), options) {}

InferencePlan::InferencePlan(const ResNet& network, const InferenceOptions& options)
    : InferencePlan(network->shape(), data::network_tensors(*network), options) {}

InferencePlan::InferencePlan(ResNetShape shape, data::TensorFile weights, const InferenceOptions& options)
    : shape_(std::move(shape)),
      type_(options.precision == "bfloat16" ? torch::kBFloat16 : torch::kFloat32),
      int8_(options.precision == "int8"),
      runs_once_(options.runs_once) {
  check_precision(options.precision);
  if (int8_ && (!options.calibration.defined() || options.calibration.size(0) == 0))
    throw std::invalid_argument("precision: 'int8'; it needs images to calibrate by");
  const torch::NoGradGuard no_grad;
  for (const ConvolutionShape& each : shape_.stem) stem_.push_back(make(weights, "", each));
  for (const std::vector<BlockShape>& blocks : shape_.layers) {
    std::vector<Block>& layer = layers_.emplace_back();
    for (const BlockShape& from : blocks) {
      Block& block = layer.emplace_back();
      block.pool = from.pool;
      for (const ConvolutionShape& each : from.convolutions)
        block.convolutions.push_back(make(weights, from.name, each));
      if (from.downsample) block.downsample = make(weights, from.name, *from.downsample);
    }
  }
  if (int8_) calibrate(options.calibration);
}

InferencePlan::Convolution InferencePlan::make(data::TensorFile& weights, const std::string& prefix,
                                               const ConvolutionShape& shape) {
  WeightMemory* const memory = runs_once_ ? nullptr : &memory_;
  const ConvolutionWeights folded = take_weights(weights, prefix, shape);
  if (!int8_ || shape.kernel != 1 || shape.stride != 1) return make_fused_convolution(shape, folded, type_, memory);
  auto convolution = std::make_unique<Int8Convolution>(shape, folded, memory);
  calibrated_.push_back(convolution.get());
  return convolution;
}

void InferencePlan::calibrate(const torch::Tensor& images) {
  for (int64_t i = 0; i < images.size(0); ++i) forward(images.narrow(0, i, 1));
  for (Int8Convolution* convolution : calibrated_) convolution->finish_calibration();
  calibrated_.clear();
}

torch::Tensor InferencePlan::forward(const torch::Tensor& images) {
  check_image_size(shape_, images.size(2), images.size(3));
  const torch::NoGradGuard no_grad;
  // The first layers' grids are large: of few images at a time, they stay in the last cache.
  const int64_t channels = shape_.layers[0].back().convolutions.back().out;
  const int64_t numbers = channels * (images.size(2) + 3) / 4 * (images.size(3) + 3) / 4;
  const int64_t at_a_time = std::max<int64_t>(1, kCachedNumbers / numbers);
  torch::Tensor grid;
  for (int64_t begin = 0; begin < images.size(0); begin += at_a_time) {
    const int64_t count = std::min(at_a_time, images.size(0) - begin);
    const torch::Tensor part = run_first_layers(images.narrow(0, begin, count));
    if (count == images.size(0)) {
      grid = part;
      break;
    }
    if (begin == 0)
      grid = torch::empty({images.size(0), part.size(1), part.size(2), part.size(3)},
                          part.options().memory_format(at::MemoryFormat::ChannelsLast));
    grid.narrow(0, begin, count).copy_(part);
  }
  ActivationBuffer last;  // its memory is the caller's
  for (size_t i = kFirstLayers; i < layers_.size(); ++i) {
    ActivationBuffer& out = i + 1 == layers_.size() ? last : grids_[i % 2];
    for (Block& block : layers_[i]) grid = run_block(block, grid, out);
  }
  return grid.to(torch::kFloat32);
}

torch::Tensor InferencePlan::run_first_layers(const torch::Tensor& images) {
  torch::Tensor grid = images.to(type_, false, false, at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < stem_.size(); ++i)
    grid = stem_[i]->forward(grid, i + 1 == stem_.size() ? stem_grid_ : inner_[i % 2], true);
  if (shape_.stem_pool == StemPool::kMax3) grid = torch::max_pool2d(grid, 3, 2, 1);
  if (shape_.stem_pool == StemPool::kAverage2) grid = torch::avg_pool2d(grid, 2);
  for (size_t i = 0; i < kFirstLayers; ++i) {
    for (Block& block : layers_[i]) grid = run_block(block, grid, grids_[i % 2]);
  }
  return grid;
}

torch::Tensor InferencePlan::run_block(Block& block, torch::Tensor x, ActivationBuffer& out) {
  torch::Tensor y = x;
  for (size_t i = 0; i + 1 < block.convolutions.size(); ++i) y = block.convolutions[i]->forward(y, inner_[i % 2], true);
  if (block.pool > 1) {
    y = torch::avg_pool2d(y, block.pool);
    x = torch::avg_pool2d(x, block.pool);
  }
  // Without a downsample nothing else needs x any more: the sum takes its place.
  torch::Tensor sum = block.downsample ? block.downsample->forward(x, out, false) : x;
  block.convolutions.back()->add_forward(y, sum);
  return sum;
}

}  // namespace vision
