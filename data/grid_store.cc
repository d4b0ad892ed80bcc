#include "data/grid_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "data/file_at.h"
#include "data/grid_store_layout.h"
#include "data/grouped.h"
#include "data/half.h"

namespace data {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

void refuse_unfinished(const fs::path& path, const GridLayout& layout) {
  int64_t total = 0, final = 0;
  for (const GridSplitLayout& split : layout.splits) {
    total += static_cast<int64_t>(split.rows.size());
    final += std::count_if(split.rows.begin(), split.rows.end(), [](const GridRow& row) {
      return row.state == GridState::kPresent || row.state == GridState::kAbsent;
    });
  }
  if (final == total) return;
  fail(path, "is not finished: it is being written, or was stopped at " + grouped(final) + " of " + grouped(total) +
                 " images; go on with vqa extract --resume");
}

/// A store that does not exist may be one that has not got its name yet.
GridLayout read_layout(const fs::path& path) {
  const fs::path unfinished = unfinished_path(path);
  if (!fs::exists(path) && fs::exists(unfinished)) {
    fail(path, "does not exist yet: " + unfinished.string() +
                   " is being written, or was stopped; go on with vqa extract --resume");
  }
  return read_grid_layout(path);
}

}  // namespace

fs::path unfinished_path(const fs::path& path) { return path.string() + std::string(kUnfinishedSuffix); }

GridStore::GridStore(const fs::path& path) : path_(path) {
  const GridLayout layout = read_layout(path);
  refuse_unfinished(path, layout);
  provenance_ = layout.provenance;
  type_ = layout.type;
  channels_ = layout.channels;
  for (const GridSplitLayout& split : layout.splits) {
    GridSplit& own = splits_.emplace_back();
    own.name = split.name;
    for (const GridRow& row : split.rows) {
      if (row.state == GridState::kAbsent) {
        own.absent.push_back(row.image_id);
      } else {
        own.images.push_back({row.image_id, row.height, row.width, row.crc32, layout.features_at(split, row)});
      }
    }
  }
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail(path, std::string("cannot be read: ") + std::strerror(errno));
}

GridStore::~GridStore() { ::close(descriptor_); }

int64_t GridStore::size() const {
  int64_t size = 0;
  for (const GridSplit& split : splits_) size += static_cast<int64_t>(split.images.size());
  return size;
}

int64_t GridStore::largest_grid() const {
  int64_t largest = 0;
  for (const GridSplit& split : splits_) {
    for (const GridImage& image : split.images) largest = std::max(largest, image.cells());
  }
  return largest;
}

const GridSplit* GridStore::find(std::string_view split) const {
  const auto found =
      std::find_if(splits_.begin(), splits_.end(), [&](const GridSplit& own) { return own.name == split; });
  return found != splits_.end() ? &*found : nullptr;
}

const GridImage* GridStore::find(std::string_view split, int64_t image_id) const {
  const GridSplit* own = find(split);
  if (own == nullptr) return nullptr;
  const auto found = std::lower_bound(own->images.begin(), own->images.end(), image_id,
                                      [](const GridImage& image, int64_t id) { return image.image_id < id; });
  return found != own->images.end() && found->image_id == image_id ? &*found : nullptr;
}

bool GridStore::absent(std::string_view split, int64_t image_id) const {
  const GridSplit* own = find(split);
  return own != nullptr && std::binary_search(own->absent.begin(), own->absent.end(), image_id);
}

void GridStore::read(const GridImage& image, void* features) const {
  if (read_at(descriptor_, features, bytes(image), image.at)) return;
  fail(path_, "image " + std::to_string(image.image_id) + " cannot be read: " +
                  (errno == 0 ? "the file has become shorter since it was opened" : std::strerror(errno)));
}

void GridStore::read_float(const GridImage& image, float* features) const {
  if (type_ == GridType::kFloat) return read(image, features);
  // Into the second half of the room, and widened from there.
  auto* half = reinterpret_cast<uint16_t*>(features) + numbers(image);
  read(image, half);
  widen(half, features, numbers(image));
}

std::vector<DamagedGrid> find_damaged(const GridStore& store,
                                      const std::function<void(int64_t done, int64_t total)>& on_image) {
  std::vector<DamagedGrid> damaged;
  std::vector<unsigned char> features;
  int64_t done = 0;
  for (const GridSplit& split : store.splits()) {
    for (const GridImage& image : split.images) {
      features.resize(store.bytes(image));
      store.read(image, features.data());
      if (grid_checksum(features.data(), features.size()) != image.crc32)
        damaged.push_back({split.name, image.image_id});
      if (on_image) on_image(++done, store.size());
    }
  }
  return damaged;
}

}  // namespace data
