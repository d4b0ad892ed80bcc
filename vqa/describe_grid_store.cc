#include "vqa/describe_grid_store.h"

#include <algorithm>
#include <sstream>

#include "data/grouped.h"
#include "vqa/describe_lines.h"

namespace vqa {
using data::grouped;

namespace {

/// "14x14 to 19x32 cells": of the smallest and the largest grid.
std::string extents(const data::GridSplit& split) {
  const auto fewer = [](const data::GridImage& one, const data::GridImage& other) {
    return one.cells() < other.cells();
  };
  const auto [least, most] = std::minmax_element(split.images.begin(), split.images.end(), fewer);
  if (least == split.images.end()) return "no cells";
  const auto text = [](const data::GridImage& image) {
    return std::to_string(image.height) + "x" + std::to_string(image.width);
  };
  return text(*least) + (least->cells() == most->cells() ? "" : " to " + text(*most)) + " cells";
}

}  // namespace

std::string describe(const data::GridStore& store) {
  std::ostringstream out;
  write_line(out, "grid store", store.path().string());
  write_lines(out, store.provenance());
  write_line(out, "features",
             grouped(store.channels()) + " channels of " + std::string(data::grid_type(store.type()).name));
  write_line(out, "images", grouped(store.size()));
  for (const data::GridSplit& split : store.splits()) {
    std::string text = grouped(static_cast<int64_t>(split.images.size())) + " images, " + extents(split);
    if (!split.absent.empty())
      text += ", " + grouped(static_cast<int64_t>(split.absent.size())) + " that could not be read";
    write_line(out, "  " + split.name, text);
  }
  return out.str();
}

std::string summary(const std::vector<data::DamagedGrid>& images) {
  constexpr size_t kShown = 5;
  std::string text = grouped(static_cast<int64_t>(images.size())) + (images.size() == 1 ? " image (" : " images (");
  for (size_t i = 0; i < std::min(images.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + images[i].split + " " + std::to_string(images[i].image_id);
  return text + (images.size() > kShown ? ", ...)" : ")");
}

}  // namespace vqa
