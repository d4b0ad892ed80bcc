// Batches made ahead of their use by worker threads.
#pragma once

#include <optional>
#include <vector>

#include "vqa/batch_maker.h"
#include "vqa/made_ahead.h"

namespace vqa {

/// Gives the batches of a list of plans in order, made by worker threads at most `queue` batches ahead.
class BatchLoader {
 public:
  /// `maker` must outlive this.
  BatchLoader(const BatchMaker& maker, std::vector<BatchPlan> plans, const LoaderOptions& options);

  /// The next batch, or nothing after the last. Throws what making it threw.
  std::optional<Batch> next() { return batches_.next(); }

 private:
  const std::vector<BatchPlan> plans_;
  MadeAhead<Batch> batches_;
};

}  // namespace vqa
