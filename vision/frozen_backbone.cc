#include "vision/frozen_backbone.h"

#include <stdexcept>
#include <utility>

#include "data/settings.h"
#include "data/skip_init.h"
#include "data/weights.h"

namespace vision {

FrozenBackbone::FrozenBackbone(const std::string& backbone, data::TensorFile weights,
                               const FrozenBackboneOptions& options) {
  const std::string plain = InferenceOptions{}.precision;
  if (options.device.is_cpu()) {
    plan_ = std::make_unique<InferencePlan>(
        backbone, std::move(weights), InferenceOptions{.precision = options.precision, .runs_once = options.runs_once});
  } else if (options.precision == plain) {
    const data::SkipInit undefined;
    network_ = ResNet(ResNetOptions{backbone});
    const data::LoadReport report = data::load_weights(*network_, weights, {.file = "weights", .prefix = ""});
    if (!report.missing.empty())
      throw std::runtime_error("weights: tensor '" + report.missing.front() + "' is missing");
    network_->set_frozen(true);
    network_->to(options.device);
  } else {
    data::refuse_value("precision", options.precision, plain + " on a GPU");
  }
}

torch::Tensor FrozenBackbone::forward(const torch::Tensor& images) {
  const torch::NoGradGuard no_gradients;
  return plan_ ? plan_->forward(images) : network_->forward(images);
}

}  // namespace vision
