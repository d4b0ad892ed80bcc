#include "vqa/extraction_plan.h"

#include <charconv>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "data/image_listing.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

struct Picture {
  std::string split;
  int64_t id = 0;
  fs::path path;
};

struct Measured {
  ExtractedSize size;
  std::string error;  // empty where there is none
};

/// All pictures by split and id.
std::vector<Picture> list_pictures(const std::vector<fs::path>& folders) {
  std::map<std::pair<std::string, int64_t>, fs::path> all;
  for (const fs::path& folder : folders) {
    const std::string split = data::folder_name(folder);
    for (data::ListedImage& image : data::list_images(folder)) {
      const auto [found, fresh] = all.try_emplace({split, image.id}, image.path);
      if (fresh) continue;
      throw std::runtime_error(image.path.string() + ": has the image's number " + std::to_string(image.id) + ", as " +
                               found->second.string() + " has; folders of one name make one split of the store");
    }
  }
  std::vector<Picture> pictures;
  for (auto& [key, path] : all) pictures.push_back({key.first, key.second, std::move(path)});
  return pictures;
}

std::vector<Picture> shard_of(std::vector<Picture> pictures, const Shard& shard) {
  std::vector<Picture> own;
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (static_cast<int64_t>(i) % shard.count == shard.index - 1) own.push_back(std::move(pictures[i]));
  }
  if (own.empty()) {
    throw std::runtime_error("shard " + std::to_string(shard.index) + "/" + std::to_string(shard.count) +
                             ": has no picture: there are only " + std::to_string(pictures.size()));
  }
  return own;
}

void add(ExtractionPlan& plan, Picture picture, const ExtractedSize& size) {
  if (plan.splits.empty() || plan.splits.back().name != picture.split) plan.splits.push_back({picture.split, {}});
  std::vector<data::PlannedGrid>& grids = plan.splits.back().images;
  plan.images.push_back({plan.splits.size() - 1, grids.size(), std::move(picture.path), size});
  grids.push_back({picture.id, static_cast<int32_t>(size.grid_height), static_cast<int32_t>(size.grid_width)});
}

}  // namespace

Shard Shard::parse(const std::string& text) {
  Shard shard;
  const char* const last = text.data() + text.size();
  const auto [slash, error] = std::from_chars(text.data(), last, shard.index);
  bool valid = error == std::errc() && slash != last && *slash == '/';
  if (valid) {
    const auto [end, second] = std::from_chars(slash + 1, last, shard.count);
    valid = second == std::errc() && end == last && shard.index >= 1 && shard.index <= shard.count;
  }
  if (!valid) throw std::invalid_argument("shard: '" + text + "'; allowed is I/N with I from 1 to N, such as 2/4");
  return shard;
}

void refuse_all(const BadImage& first) {
  throw std::runtime_error(first.reason + " (and no other picture can be read)");
}

ExtractionPlan plan_extraction(const std::vector<fs::path>& folders, const ExtractionPlanOptions& options) {
  std::vector<Picture> pictures = shard_of(list_pictures(folders), options.shard);
  LoaderOptions loader = options.loader;
  loader.queue = 64 * loader.workers;  // sizes take no room
  const auto measure = [&](size_t index) -> Measured {
    try {
      return {options.size_of(pictures[index].path), ""};
    } catch (const std::runtime_error& error) {
      return {{}, error.what()};
    }
  };
  ExtractionPlan plan;
  MadeAhead<Measured> measured(pictures.size(), measure, loader);
  std::vector<Measured> all;
  while (std::optional<Measured> next = measured.next()) {
    all.push_back(std::move(*next));
    if (options.on_image) options.on_image(static_cast<int64_t>(all.size()), static_cast<int64_t>(pictures.size()));
  }
  for (size_t i = 0; i < pictures.size(); ++i) {
    if (all[i].error.empty()) {
      add(plan, std::move(pictures[i]), all[i].size);
    } else {
      plan.bad.push_back({pictures[i].path, all[i].error});
    }
  }
  if (plan.images.empty()) refuse_all(plan.bad.front());
  return plan;
}

}  // namespace vqa
