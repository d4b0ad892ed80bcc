#include "data/grid_store_merge.h"

#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "data/grid_store.h"
#include "data/grid_store_layout.h"

namespace data {
namespace fs = std::filesystem;

namespace {

struct Source {
  const GridStore* store = nullptr;
  const GridImage* image = nullptr;
};

using Sources = std::map<std::string, std::map<int64_t, Source>>;  // by split and image id

void require_same_kind(const GridStore& one, const GridStore& other) {
  const std::string mismatch =
      provenance_mismatch({one.path().string(), one.provenance()}, {other.path().string(), other.provenance()});
  if (!mismatch.empty()) throw std::runtime_error(mismatch + "; only stores made alike can be merged");
  if (one.type() == other.type() && one.channels() == other.channels()) return;
  const auto kind = [](const GridStore& store) {
    return store.path().string() + " has " + std::to_string(store.channels()) + " channels of " +
           std::string(grid_type(store.type()).name);
  };
  throw std::runtime_error(kind(one) + ", " + kind(other) + "; only stores made alike can be merged");
}

void collect(const GridStore& store, Sources& sources) {
  for (const GridSplit& split : store.splits()) {
    for (const GridImage& image : split.images) {
      const auto [found, fresh] = sources[split.name].try_emplace(image.image_id, Source{&store, &image});
      if (fresh) continue;
      throw std::runtime_error(store.path().string() + ": has image " + std::to_string(image.image_id) + " of " +
                               split.name + ", which " + found->second.store->path().string() +
                               " has, too; merge stores of different images");
    }
  }
}

GridStorePlan plan_of(const GridStore& first, const Sources& sources) {
  GridStorePlan plan{.provenance = first.provenance(), .type = first.type(), .channels = first.channels()};
  for (const auto& [split, images] : sources) {
    GridSplitPlan& planned = plan.splits.emplace_back(GridSplitPlan{.name = split});
    for (const auto& [id, source] : images) planned.images.push_back({id, source.image->height, source.image->width});
  }
  return plan;
}

void copy(const Source& source, std::vector<unsigned char>& features) {
  features.resize(source.store->bytes(*source.image));
  source.store->read(*source.image, features.data());
  if (grid_checksum(features.data(), features.size()) == source.image->crc32) return;
  throw std::runtime_error(source.store->path().string() + ": image " + std::to_string(source.image->image_id) +
                           " is damaged: its checksum differs; make the store again with vqa extract");
}

}  // namespace

void merge_grid_stores(const std::vector<fs::path>& stores, const fs::path& out, const GridMergeOptions& options) {
  if (stores.empty()) throw std::invalid_argument("merge: there is no store to merge");
  std::vector<std::unique_ptr<GridStore>> opened;
  Sources sources;
  int64_t total = 0;
  for (const fs::path& path : stores) {
    std::error_code other;
    if (fs::equivalent(path, out, other))
      throw std::runtime_error(out.string() + ": is one of the stores to merge; choose another place for the result");
    opened.push_back(std::make_unique<GridStore>(path));
    require_same_kind(*opened.front(), *opened.back());
    collect(*opened.back(), sources);
    total += opened.back()->size();
  }
  if (total == 0) throw std::runtime_error(stores.front().string() + ": holds no image; there is nothing to merge");

  GridStoreWriter writer(out, plan_of(*opened.front(), sources), {.resume = options.resume});
  std::vector<unsigned char> features;
  size_t split = 0;
  int64_t done = 0;
  for (const auto& [name, images] : sources) {
    size_t place = 0;
    for (const auto& [id, source] : images) {
      if (!writer.written(split, place)) {
        copy(source, features);
        writer.write(split, place, features.data());
      }
      ++place;
      if (options.on_image) options.on_image(++done, total);
    }
    ++split;
  }
  writer.finish();
}

}  // namespace data
