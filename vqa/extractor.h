// Grid features of many pictures into a store: decoding, network and writing at the same time.
#pragma once

#include <torch/torch.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "data/grid_store_writer.h"
#include "vision/image_transform.h"
#include "vqa/extraction_plan.h"
#include "vqa/made_ahead.h"

namespace vqa {

struct ExtractionProgress {
  int64_t done = 0, total = 0;  // images, of this run and earlier ones
  double share = 0;             // of this run's work that is done, 0 to 1: large pictures take longer
  int64_t computed = 0;         // images of this run
};

/// Memory grows with the batch: the network has one, at most batch + loader.queue images are decoded ahead of it, and
/// the features of a few images, or of one batch, wait to be written.
struct ExtractorOptions {
  int64_t batch = 8;  // images computed together, 1 to 1024: of one size each, so fewer where sizes differ
  LoaderOptions loader;
  torch::Device device = torch::kCPU;
  const std::atomic<bool>* stop = nullptr;  // may become true at any time: stops after the batch under way
  std::function<void(const ExtractionProgress&)> on_batch;
  std::function<void(const BadImage&)> on_bad;
};

/// Throws std::invalid_argument naming an option that is out of range.
void validate(const ExtractorOptions& options);

/// Letters as in vqa/extraction_plan.h, and I images, C channels: (I, 3, H, W) float32 in channels-last order -> (I, C,
/// h, w). Frozen: called without gradients.
using GridNetwork = std::function<torch::Tensor(const torch::Tensor& images)>;

struct ExtractionOutcome {
  bool finished = false;      // false where it was stopped
  std::vector<BadImage> bad;  // in the order in which they were found
};

/// Computes what a store lacks.
class Extractor {
 public:
  /// `transform` has to outlive this. Throws as validate.
  Extractor(GridNetwork network, const vision::ImageTransform& transform, ExtractorOptions options);

  /// Computes the images that `writer` does not have and finishes the store. A picture that cannot be decoded is marked
  /// absent. Images are batched as in a run that was never stopped, so that a resumed one computes the same numbers.
  /// Throws std::runtime_error with the path for features that the store's type cannot hold, as refuse_all where there
  /// is no picture to be had, and what writing throws.
  ExtractionOutcome run(const std::vector<ExtractedImage>& images, data::GridStoreWriter& writer);

 private:
  using Images = std::vector<const ExtractedImage*>;  // of one size
  struct Batch;
  struct Decoded;
  struct Computed;

  /// Batches of all images, but those of which the store has all.
  std::deque<Batch> lacking(const std::vector<ExtractedImage>& images, const data::GridStoreWriter& writer) const;
  void compute_all(std::deque<Batch>& batches, data::GridStoreWriter& writer, ExtractionOutcome& outcome,
                   ExtractionProgress progress) const;
  /// Why an image of a batch cannot be decoded; empty where it has been.
  std::string decode(Batch& batch, size_t image) const;
  static Decoded collect(Batch& batch, MadeAhead<std::string>& reasons);
  Computed compute(Decoded decoded, data::GridType type) const;
  static void write(const Computed& computed, data::GridStoreWriter& writer);
  bool stopped() const { return options_.stop != nullptr && *options_.stop; }

  GridNetwork network_;
  const vision::ImageTransform& transform_;
  ExtractorOptions options_;
};

}  // namespace vqa
