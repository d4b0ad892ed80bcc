#include "vision/inference_plan.h"

#include <sstream>
#include <stdexcept>

#include "data/settings.h"
#include "vision/weights.h"

namespace vision {
namespace {

/// The tensor called `name`. Throws std::runtime_error where it is missing or has another shape.
torch::Tensor tensor_of(const data::TensorFile& file, const std::string& name, at::IntArrayRef shape) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) throw std::runtime_error("weights: tensor '" + name + "' is missing");
  if (found->second.sizes() == shape) return found->second.detach();
  std::ostringstream message;
  message << "weights: tensor '" << name << "' has shape " << found->second.sizes() << "; the backbone needs " << shape;
  throw std::runtime_error(message.str());
}

/// `prefix` is the block's.
std::unique_ptr<FusedConvolution> convolution_of(const data::TensorFile& file, const std::string& prefix,
                                                 const ConvolutionShape& shape, at::ScalarType type) {
  const std::string norm = prefix + shape.norm + ".";
  const auto vector = [&](const char* leaf) { return tensor_of(file, norm + leaf, {shape.out}); };
  const torch::Tensor weight = tensor_of(file, prefix + shape.name + ".weight",
                                         {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel});
  return make_fused_convolution(
      shape, fold(weight, vector("weight"), vector("bias"), vector("running_mean"), vector("running_var")), type);
}

}  // namespace

std::vector<std::string> inference_precisions() { return {"float32", "bfloat16"}; }

void check_precision(const std::string& precision) {
  data::check_name("precision", precision, inference_precisions());
  if (precision == "bfloat16" && !__builtin_cpu_supports("avx512bf16"))
    throw std::invalid_argument("precision: 'bfloat16'; this processor has no bfloat16 arithmetic; use float32");
}

InferencePlan::InferencePlan(const std::string& backbone, const data::TensorFile& weights,
                             const InferenceOptions& options)
    : InferencePlan(resnet_shape(backbone), weights, options) {}

InferencePlan::InferencePlan(const ResNet& network, const InferenceOptions& options)
    : InferencePlan(network->shape(), network_tensors(*network), options) {}

InferencePlan::InferencePlan(ResNetShape shape, const data::TensorFile& weights, const InferenceOptions& options)
    : shape_(std::move(shape)), type_(options.precision == "bfloat16" ? torch::kBFloat16 : torch::kFloat32) {
  check_precision(options.precision);
  const torch::NoGradGuard no_grad;
  for (const ConvolutionShape& each : shape_.stem) stem_.push_back(convolution_of(weights, "", each, type_));
  for (const std::vector<BlockShape>& blocks : shape_.layers) {
    std::vector<Block>& layer = layers_.emplace_back();
    for (const BlockShape& from : blocks) {
      Block& block = layer.emplace_back();
      block.pool = from.pool;
      for (const ConvolutionShape& each : from.convolutions)
        block.convolutions.push_back(convolution_of(weights, from.name, each, type_));
      if (from.downsample) block.downsample = convolution_of(weights, from.name, *from.downsample, type_);
    }
  }
}

torch::Tensor InferencePlan::forward(const torch::Tensor& images) {
  check_image_size(shape_, images.size(2), images.size(3));
  const torch::NoGradGuard no_grad;
  torch::Tensor grid = images.to(type_, false, false, at::MemoryFormat::ChannelsLast);
  // The last one's output may be layer1's residual, so it is no buffer that layer1 writes to.
  for (size_t i = 0; i < stem_.size(); ++i)
    grid = stem_[i]->forward(grid, i + 1 == stem_.size() ? grids_[1] : inner_[i % 2], true);
  if (shape_.stem_pool == StemPool::kMax3) grid = torch::max_pool2d(grid, 3, 2, 1);
  if (shape_.stem_pool == StemPool::kAverage2) grid = torch::avg_pool2d(grid, 2);
  ActivationBuffer last;  // its memory is the caller's
  for (size_t i = 0; i < layers_.size(); ++i) {
    ActivationBuffer& out = i + 1 == layers_.size() ? last : grids_[i % 2];
    for (Block& block : layers_[i]) grid = run_block(block, grid, out);
  }
  return grid.to(torch::kFloat32);
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
