// Several grid stores into one: the shards of one extraction, or what was extracted later.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "data/grid_store_writer.h"

namespace data {

struct GridMergeOptions {
  bool resume = false;                                             // go on with a merge that was stopped
  std::function<void(int64_t done, int64_t total)> on_image = {};  // after each image
};

/// Joins finished stores: of the same provenance, type and channels, and no image in two of them. What one of them
/// lacks is left out. The features' checksums are checked on the way; the result is as one run over all images makes it
/// (its last bits depend on which images are computed together). Throws std::invalid_argument where there is no store,
/// and std::runtime_error with the paths and what differs, the image that stands twice or is damaged, and all that
/// GridStore and GridStoreWriter refuse.
void merge_grid_stores(const std::vector<std::filesystem::path>& stores, const std::filesystem::path& out,
                       const GridMergeOptions& options = {});

}  // namespace data
