// A backbone that is only looked through: on a CPU as an inference plan, on a GPU as a network.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "vision/inference_plan.h"
#include "vision/resnet.h"

namespace vision {

struct FrozenBackboneOptions {
  std::string precision = InferenceOptions{}.precision;  // one that needs no pictures to calibrate by
  torch::Device device = torch::kCPU;
  bool runs_once = false;  // as InferenceOptions has it
};

/// Letters as in vision/resnet.h. Not thread-safe.
class FrozenBackbone {
 public:
  /// From tensors by the backbone's own names (vision/backbone_file.h), which are given back as they are used. Throws
  /// as InferencePlan, and std::invalid_argument for a precision that the device does not have.
  FrozenBackbone(const std::string& backbone, data::TensorFile weights, const FrozenBackboneOptions& options = {});

  /// (I, 3, H, W) float32 -> (I, C, h, w) float32 in channels-last order, on the device, without gradients.
  torch::Tensor forward(const torch::Tensor& images);

 private:
  std::unique_ptr<InferencePlan> plan_;  // on a CPU
  ResNet network_{nullptr};              // on a GPU
};

}  // namespace vision
