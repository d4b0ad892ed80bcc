#include "vqa/grid_maker.h"

#include <stdexcept>

#include "data/settings.h"
#include "data/sha256.h"
#include "vision/image.h"
#include "vision/weights.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

vision::ResNet load_network(const GridMakerOptions& options) {
  vision::ResNet network(vision::ResNetOptions{options.backbone});
  const std::string file = options.weights.string();
  const vision::LoadReport report = vision::load_weights(*network, data::read_tensors(options.weights), {.file = file});
  if (!report.missing.empty()) {
    throw std::runtime_error(file + ": lacks " + std::to_string(report.missing.size()) + " tensors of " +
                             options.backbone + ", '" + report.missing.front() +
                             "' the first of them; is it another backbone's?");
  }
  network->set_frozen(true);
  return network;
}

}  // namespace

vision::ImageTransformOptions default_image(const std::string& backbone, const std::string& rule) {
  const std::string own = backbone.starts_with("clip") ? "clip" : "torchvision";
  const std::string chosen = rule.empty() ? own : rule;
  return {.rule = chosen, .size = chosen == "grid-feats" ? "600/1000" : "448"};
}

GridMaker::GridMaker(const GridMakerOptions& options)
    : transform_(options.image), shape_(vision::resnet_shape(options.backbone)) {
  vision::check_precision(options.precision);
  vision::ResNet network = load_network(options);
  if (options.device.is_cpu()) {
    plan_ = std::make_unique<vision::InferencePlan>(network, vision::InferenceOptions{.precision = options.precision});
  } else if (options.precision == vision::InferenceOptions{}.precision) {
    network->to(options.device);
    network_ = network;
  } else {
    data::refuse_value("precision", options.precision, vision::InferenceOptions{}.precision + " on a GPU");
  }
  provenance_ = {.backbone = options.backbone,
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
