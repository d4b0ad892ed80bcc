// Where a batch's images come from: picture files, or a store of grid features.
#pragma once

#include <memory>
#include <vector>

#include "data/grid_store.h"
#include "data/split.h"
#include "vision/augment_options.h"
#include "vision/image_transform.h"
#include "vqa/batch.h"
#include "vqa/model.h"

namespace vqa {

/// Throws std::invalid_argument unless the options make every picture the same size: a batch of them is one tensor.
void require_one_size(const vision::ImageTransformOptions& options);

/// Gives the images of one split. Thread-safe.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  /// Sets the images of a batch, on the CPU: those of the plan, in its order. Throws std::runtime_error with the path
  /// of a file that cannot be read.
  virtual void load(const BatchPlan& plan, Batch& batch) const = 0;
};

/// For a model that answers from the question alone: nothing. Else reads grid features from `store`: sets Batch::grid,
/// padded to the largest, with lengths and sizes; or, where it is null, decodes and resizes picture files as `model`
/// wants them: sets Batch::images, changed at random by `augment` where the plan has a seed. Each picture's changes
/// follow from that seed and its place in the split alone. All must outlive the source. Throws as require_one_size, and
/// std::runtime_error with the store's path and the first image that it lacks.
std::unique_ptr<const ImageSource> image_source(const data::Split& split, const ModelImpl& model,
                                                const data::GridStore* store = nullptr,
                                                const vision::AugmentOptions& augment = {});

}  // namespace vqa
