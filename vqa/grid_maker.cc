#include "vqa/grid_maker.h"

#include <stdexcept>

#include "data/settings.h"
#include "data/sha256.h"
#include "vision/image.h"
#include "vision/weights.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;

void load_backbone(vision::ResNet& network, const std::string& backbone, const fs::path& weights) {
  const vision::LoadReport report =
      vision::load_weights(*network, data::read_tensors(weights), {.file = weights.string()});
  if (report.missing.empty()) return;
  throw std::runtime_error(weights.string() + ": lacks " + std::to_string(report.missing.size()) + " tensors of " +
                           backbone + ", '" + report.missing.front() +
                           "' the first of them; is it another backbone's?");
}

vision::ImageTransformOptions default_image(const std::string& backbone, const std::string& rule) {
  const std::string own = backbone.starts_with("clip") ? "clip" : "torchvision";
  const std::string chosen = rule.empty() ? own : rule;
  return {.rule = chosen, .size = chosen == "grid-feats" ? "600/1000" : "448"};
}

GridMaker::GridMaker(const GridMakerOptions& options)
    : transform_(options.image), shape_(vision::resnet_shape(options.backbone)), provenance_(grid_provenance(options)) {
  vision::check_precision(options.precision);
  vision::ResNet network(vision::ResNetOptions{options.backbone});
  load_backbone(network, options.backbone, options.weights);
  network->set_frozen(true);
  if (options.device.is_cpu()) {
    plan_ = std::make_unique<vision::InferencePlan>(network, vision::InferenceOptions{.precision = options.precision});
  } else if (options.precision == vision::InferenceOptions{}.precision) {
    network->to(options.device);
    network_ = network;
  } else {
    data::refuse_value("precision", options.precision, vision::InferenceOptions{}.precision + " on a GPU");
  }
}

data::GridProvenance grid_provenance(const GridMakerOptions& options) {
  return {.backbone = options.backbone,
          .weights_sha256 = data::sha256_of_file(options.weights),
          .image_rule = options.image.rule,
          .image_size = options.image.size,
          .precision = options.precision,
          .program = "vqa " + std::string(kVersion)};
}

torch::Tensor GridMaker::grids(const torch::Tensor& images) {
  const torch::NoGradGuard no_gradients;
  return plan_ ? plan_->forward(images) : network_->forward(images);
}

ExtractedSize GridMaker::size_of(const fs::path& path) const {
  const vision::Extent input = transform_.size().of(vision::check_image_file(path).extent());
  try {
    vision::check_image_size(shape_, input.height, input.width);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
  return {input.height, input.width, vision::grid_side(shape_, input.height), vision::grid_side(shape_, input.width)};
}

}  // namespace vqa
