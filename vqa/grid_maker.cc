#include "vqa/grid_maker.h"

#include <algorithm>
#include <stdexcept>

#include "data/settings.h"
#include "data/sha256.h"
#include "vision/image.h"
#include "vision/weights.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

/// "'a', 'b', 'c' and 4 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "'" : ", '") + names[i] + "'";
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

/// Names that stand within one of the network's own parts, as another kind of network has them.
std::vector<std::string> foreign_of(const vision::ResNet& network, const std::vector<std::string>& unexpected) {
  std::vector<std::string> foreign;
  for (const std::string& name : unexpected) {
    for (const auto& part : network->named_children()) {
      if (name.starts_with(part.key() + ".")) foreign.push_back(name);
    }
  }
  return foreign;
}

/// Before hundreds of megabytes are read.
const GridMakerOptions& validated(const GridMakerOptions& options) {
  data::check_name("precision", options.precision, grid_precisions());
  vision::check_precision(options.precision);
  return options;
}

}  // namespace

std::vector<std::string> grid_precisions() {
  std::vector<std::string> precisions = vision::inference_precisions();
  std::erase(precisions, "int8");
  return precisions;
}

void load_backbone(vision::ResNet& network, const std::string& backbone, const fs::path& weights) {
  const vision::LoadReport report =
      vision::load_weights(*network, data::read_tensors(weights), {.file = weights.string()});
  for (const auto& [names, what] :
       {std::pair{report.missing, "lacks "}, {foreign_of(network, report.unexpected), "holds more than "}}) {
    if (names.empty()) continue;
    throw std::runtime_error(weights.string() + ": " + what + "what " + backbone + " has: " + some_of(names) +
                             "; is it another backbone's?");
  }
}

vision::ImageTransformOptions default_image(const std::string& backbone, const std::string& rule) {
  const std::string own = backbone.starts_with("clip") ? "clip" : "torchvision";
  const std::string chosen = rule.empty() ? own : rule;
  return {.rule = chosen, .size = chosen == "grid-feats" ? "600/1000" : "448"};
}

GridMaker::GridMaker(const GridMakerOptions& options)
    : transform_(options.image),
      shape_(vision::resnet_shape(options.backbone)),
      provenance_(grid_provenance(validated(options))) {
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
  const vision::Extent input = transform_.size().of(vision::read_image_header(path).extent());
  try {
    vision::check_image_size(shape_, input.height, input.width);
  } catch (const std::invalid_argument& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
  return {input.height, input.width, vision::grid_side(shape_, input.height), vision::grid_side(shape_, input.width)};
}

}  // namespace vqa
