// A backbone laid out for inference alone: batch norms folded, ReLUs and residual sums computed with the convolutions,
// activations in channels-last order in a few buffers that are used again.
#pragma once

#include <torch/torch.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "data/safetensors.h"
#include "vision/fused_convolution.h"
#include "vision/int8_convolution.h"
#include "vision/resnet.h"

namespace vision {

struct InferenceOptions {
  std::string precision = "float32";  // one of inference_precisions()
  torch::Tensor calibration;          // (I, 3, H, W) float32: pictures like those to come; for int8 alone
  // For a plan that runs once or twice: it is made at once and its weights stay in the tensors that it is made from,
  // but each run takes a tenth longer.
  bool runs_once = false;
};

/// float32; bfloat16: weights and activations; int8: weights and inputs of the 1x1 convolutions of stride 1, which is
/// where bytes are faster, the rest float32.
std::vector<std::string> inference_precisions();

/// Throws std::invalid_argument for an unknown precision, and for one that this processor has no arithmetic for.
void check_precision(const std::string& precision);

/// Letters as in vision/resnet.h. Runs on the CPU, on at::get_num_threads() threads. Not thread-safe: buffers are its
/// own.
class InferencePlan {
 public:
  /// From a backbone's tensors by name: parameters and batch norms' running statistics. Other tensors are not looked
  /// at. Unless the plan runs once, each is let go as soon as it has been used: where the caller moves them in, both
  /// forms of all weights are never in memory together. Throws std::invalid_argument as check_precision and for an
  /// unknown backbone, std::runtime_error for a tensor that is missing or has another shape, naming it. int8 wants
  /// pictures to calibrate by: std::invalid_argument where there are none.
  InferencePlan(const std::string& backbone, data::TensorFile weights, const InferenceOptions& options = {});
  /// The same from a network, whose mode does not matter.
  explicit InferencePlan(const ResNet& network, const InferenceOptions& options = {});

  /// (I, 3, H, W) float32 -> (I, C, h, w) float32, in memory of its own, channels-last: what the network gives in
  /// evaluation mode. Records no gradient. Throws std::invalid_argument for images that leave no cell.
  torch::Tensor forward(const torch::Tensor& images);

  int64_t channels() const { return shape_.channels; }
  int64_t stride() const { return shape_.stride; }

 private:
  using Convolution = std::unique_ptr<FusedConvolution>;
  struct Block {
    std::vector<Convolution> convolutions;
    Convolution downsample;  // null where x is added as it is
    int64_t pool = 1;
  };

  InferencePlan(ResNetShape shape, data::TensorFile weights, const InferenceOptions& options);
  Convolution make(data::TensorFile& weights, const std::string& prefix, const ConvolutionShape& shape);
  void calibrate(const torch::Tensor& images);
  torch::Tensor run_first_layers(const torch::Tensor& images);
  torch::Tensor run_block(Block& block, torch::Tensor x, ActivationBuffer& out);

  ResNetShape shape_;
  at::ScalarType type_;  // of activations
  bool int8_ = false;    // what can be is in 8 bits
  bool runs_once_ = false;
  std::vector<Int8Convolution*> calibrated_;  // while the plan is built; owned by the blocks
  std::vector<Convolution> stem_;
  std::vector<std::vector<Block>> layers_;
  WeightMemory memory_;
  ActivationBuffer stem_grid_;             // layer1's residual where no pooling follows
  std::array<ActivationBuffer, 2> inner_;  // between a block's convolutions
  std::array<ActivationBuffer, 2> grids_;  // between layers
};

}  // namespace vision
