// A frozen backbone with all that decides about the features it gives.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <string>

#include "data/grid_provenance.h"
#include "vision/frozen_backbone.h"
#include "vision/image_transform.h"
#include "vqa/extraction_plan.h"

namespace vqa {

struct GridMakerOptions {
  std::string backbone;           // one of vision::ResNetImpl::names()
  std::filesystem::path weights;  // its file
  vision::ImageTransformOptions image;
  std::string precision = vision::InferenceOptions{}.precision;  // one of grid_precisions()
  torch::Device device = torch::kCPU;
};

/// What a backbone's pictures are prepared by unless something else is asked for: CLIP's by its own rule, others as
/// torchvision does. An empty `rule` is the backbone's own. Sizes are 600/1000 for grid-feats, else a square of 448.
vision::ImageTransformOptions default_image(const std::string& backbone, const std::string& rule = "");

/// What grids can be computed in: vision::inference_precisions() but those that depend on pictures to calibrate by.
std::vector<std::string> grid_precisions();

/// How features made with these options were made.
data::GridProvenance grid_provenance(const GridMakerOptions& options);

/// Letters: I images, H and W pixels, h and w grid cells, C channels.
class GridMaker {
 public:
  /// Throws std::invalid_argument for options that are wrong, and std::runtime_error with the file's path for weights
  /// that cannot be read or are not those of this backbone (vision::read_backbone).
  explicit GridMaker(const GridMakerOptions& options);

  /// The network, for images as the transform's `normalize` gives them.
  const std::shared_ptr<vision::FrozenBackbone>& backbone() const { return backbone_; }

  /// What a picture's header says of it, and what becomes of it. Throws std::runtime_error with the path as
  /// vision::read_image_header does, and for one that is too small. Safe to call from several threads.
  ExtractedSize size_of(const std::filesystem::path& path) const;

  int64_t channels() const { return shape_.channels; }
  const vision::ImageTransform& transform() const { return transform_; }
  const data::GridProvenance& provenance() const { return provenance_; }
  /// A line about what else the weights' file holds; empty where that is nothing.
  const std::string& left_over() const { return left_over_; }

 private:
  vision::ImageTransform transform_;
  vision::ResNetShape shape_;
  std::shared_ptr<vision::FrozenBackbone> backbone_;
  data::GridProvenance provenance_;
  std::string left_over_;
};

}  // namespace vqa
