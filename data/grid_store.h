// Grid features of many images in one file: how they are read. data/grid_store_format.h says what the file is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/grid_provenance.h"
#include "data/grid_store_format.h"

namespace data {

/// One image's grid: h x w cells of C channels.
struct GridImage {
  int64_t image_id = 0;
  int32_t height = 0;  // h, cells
  int32_t width = 0;   // w
  uint32_t crc32 = 0;  // of its features' bytes
  uint64_t at = 0;     // byte in the file

  int64_t cells() const { return int64_t{height} * width; }
};

struct GridSplit {
  std::string name;               // as its images' folder: "train2014"
  std::vector<GridImage> images;  // by ascending id
  std::vector<int64_t> absent;    // ids, ascending, of images that could not be read when the store was made
};

/// A finished store, open for reading. Everything here may be called from several threads at once: places are looked up
/// on construction, and reading goes past the HDF5 library, without a lock.
class GridStore {
 public:
  /// Throws std::runtime_error with the path and what is wrong: no store, one of another version, a damaged one, or one
  /// that is still being written.
  explicit GridStore(const std::filesystem::path& path);
  ~GridStore();
  GridStore(const GridStore&) = delete;
  GridStore& operator=(const GridStore&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const GridProvenance& provenance() const { return provenance_; }
  GridType type() const { return type_; }
  int64_t channels() const { return channels_; }  // C
  const std::vector<GridSplit>& splits() const { return splits_; }
  int64_t size() const;          // images of all splits
  int64_t largest_grid() const;  // cells; 0 where there are no images

  /// The image of a split ("val2014"), or null where the store does not have it.
  const GridImage* find(std::string_view split, int64_t image_id) const;

  /// Whether the store says of an image that it could not be read.
  bool absent(std::string_view split, int64_t image_id) const;

  /// Numbers in an image's grid, h * w * C, and what they take in the file.
  size_t numbers(const GridImage& image) const { return static_cast<size_t>(image.cells() * channels_); }
  size_t bytes(const GridImage& image) const { return numbers(image) * grid_type(type_).bytes; }

  /// (h, w, C) as stored, fp16 or fp32, into `bytes(image)` bytes. Throws std::runtime_error with the path where the
  /// file cannot be read.
  void read(const GridImage& image, void* features) const;

  /// (h, w, C) as float32, into `numbers(image)` numbers.
  void read_float(const GridImage& image, float* features) const;

 private:
  const GridSplit* find(std::string_view split) const;

  std::filesystem::path path_;
  GridProvenance provenance_;
  GridType type_ = GridType::kHalf;
  int64_t channels_ = 0;
  std::vector<GridSplit> splits_;
  int descriptor_ = -1;
};

/// Where a store is while it is being written: PATH.part.
std::filesystem::path unfinished_path(const std::filesystem::path& path);

struct DamagedGrid {
  std::string split;
  int64_t image_id = 0;
};

/// The images whose features differ from their checksums. `on_image`, where given, hears how many of all are checked.
std::vector<DamagedGrid> find_damaged(const GridStore& store,
                                      const std::function<void(int64_t done, int64_t total)>& on_image = {});

}  // namespace data
