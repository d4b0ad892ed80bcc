// A small grid store for tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/grid_store_writer.h"

namespace data {

/// Two splits, three sizes, ids with gaps.
inline GridStorePlan sample_plan(GridType type = GridType::kHalf) {
  GridStorePlan plan;
  plan.provenance = {.backbone = "resnet18",
                     .weights_sha256 = std::string(64, 'a'),
                     .image_rule = "grid-feats",
                     .image_size = "600/1000",
                     .precision = "float32",
                     .program = "vqa 0.1.0"};
  plan.type = type;
  plan.channels = 5;
  plan.splits = {{"train2014", {{9, 2, 3}, {25, 3, 2}, {30, 1, 1}}}, {"val2014", {{42, 2, 2}, {581929, 4, 1}}}};
  return plan;
}

using SamplePlace = std::pair<size_t, size_t>;  // split and image

/// All images of the plan.
inline const std::vector<SamplePlace>& sample_places() {
  static const std::vector<SamplePlace> places{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}};
  return places;
}

/// The bytes of an image's features: any, but others for each image.
inline std::vector<unsigned char> sample_features(const GridStorePlan& plan, size_t split, size_t image) {
  const PlannedGrid& grid = plan.splits[split].images[image];
  const auto numbers = static_cast<size_t>(int64_t{grid.height} * grid.width * plan.channels);
  std::vector<unsigned char> bytes(numbers * grid_type(plan.type).bytes);
  // Few bits at the top: neither an infinity nor something that is no number.
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<unsigned char>((static_cast<size_t>(grid.image_id) * 31 + i * 7) % 59);
  return bytes;
}

inline void write_sample(GridStoreWriter& writer, const GridStorePlan& plan, size_t split, size_t image) {
  writer.write(split, image, sample_features(plan, split, image).data());
}

/// A finished store of all the plan's images.
inline void write_sample_store(const std::filesystem::path& path, const GridStorePlan& plan = sample_plan()) {
  GridStoreWriter writer(path, plan);
  for (size_t split = 0; split < plan.splits.size(); ++split) {
    for (size_t image = 0; image < plan.splits[split].images.size(); ++image) write_sample(writer, plan, split, image);
  }
  writer.finish();
}

}  // namespace data
