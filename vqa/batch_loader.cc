#include "vqa/batch_loader.h"

#include <utility>

namespace vqa {

BatchLoader::BatchLoader(const BatchMaker& maker, std::vector<BatchPlan> plans, const LoaderOptions& options)
    : plans_(std::move(plans)),
      batches_(
          plans_.size(), [this, &maker](size_t index) { return maker.make(plans_[index]); }, options) {}

}  // namespace vqa
