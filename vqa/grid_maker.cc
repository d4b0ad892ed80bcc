#include "vqa/grid_maker.h"

#include <future>
#include <stdexcept>
#include <utility>

#include "data/settings.h"
#include "data/sha256.h"
#include "vision/backbone_file.h"
#include "vision/image.h"
#include "vision/resnet.h"
#include "vqa/threads.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

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

vision::ImageTransformOptions default_image(const std::string& backbone, const std::string& rule) {
  const std::string own = backbone.starts_with("clip") ? "clip" : "torchvision";
  const std::string chosen = rule.empty() ? own : rule;
  return {.rule = chosen, .size = chosen == "grid-feats" ? "600/1000" : "448"};
}

GridMaker::GridMaker(const GridMakerOptions& options)
    : transform_(validated(options).image), shape_(vision::resnet_shape(options.backbone)) {
  data::TensorFile weights = vision::read_backbone(options.backbone, options.weights, &left_over_);
  // Reading all bytes for the hash takes about as long as making a network of them.
  auto provenance = std::async(std::launch::async, [&] {
    unbind_this_thread();
    return grid_provenance(options);
  });
  backbone_ = std::make_shared<vision::FrozenBackbone>(
      options.backbone, std::move(weights),
      vision::FrozenBackboneOptions{.precision = options.precision, .device = options.device});
  provenance_ = provenance.get();
}

data::GridProvenance grid_provenance(const GridMakerOptions& options) {
  return {.backbone = options.backbone,
          .weights_sha256 = data::sha256_of_file(options.weights),
          .image_rule = options.image.rule,
          .image_size = options.image.size,
          .precision = options.precision,
          .program = "vqa " + std::string(kVersion)};
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
