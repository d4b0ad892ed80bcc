// What a grid store is on disk: the one place for its names and numbers.
//
// An HDF5 file. Attributes of the root: `format`, `format_version`, `dtype` and the fields of data::GridProvenance. One
// group per split, named as the images' folder ("train2014"), with two contiguous datasets:
//
//   features (cells of all images, C)  float16 or float32: an image's cells row by row, channels together: (h, w, C)
//   index (images)                     a GridRow per image, by ascending id
//
// A store is laid out whole before the first image is computed, as PATH.part, and takes its name when all rows are
// final. A row's state tells what its features' bytes are worth at any moment.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace data {

static_assert(std::endian::native == std::endian::little, "rows and features are written as they are in memory");

inline constexpr std::string_view kGridFormat = "vqa grid store";
inline constexpr int32_t kGridFormatVersion = 1;
inline constexpr const char* kFormatAttribute = "format";
inline constexpr const char* kVersionAttribute = "format_version";
inline constexpr const char* kTypeAttribute = "dtype";
inline constexpr const char* kFeaturesDataset = "features";
inline constexpr const char* kIndexDataset = "index";
inline constexpr std::string_view kUnfinishedSuffix = ".part";  // while a store is being written
inline constexpr uint64_t kGridAlignment = 64;  // bytes, of datasets: a row never crosses a disk's sector

/// Types of number that features are stored as.
enum class GridType { kHalf, kFloat };

struct GridTypeName {
  std::string_view name;  // as --dtype takes it
  GridType type;
  size_t bytes;
};

inline constexpr std::array<GridTypeName, 2> kGridTypes{{
    {"fp16", GridType::kHalf, 2},
    {"fp32", GridType::kFloat, 4},
}};

inline constexpr const GridTypeName& grid_type(GridType type) { return kGridTypes[static_cast<size_t>(type)]; }

enum class GridState : uint32_t {
  kPending = 0,  // not computed yet
  kWritten = 1,  // features and checksum are written, but a failing machine may lose them
  kPresent = 2,  // final: they have been synced
  kAbsent = 3,   // final: the image cannot be read; height and width are 0, its place in `features` is unused
};

struct GridRow {
  int64_t image_id = 0;
  int64_t first_cell = 0;  // row of `features`
  int32_t height = 0;      // cells
  int32_t width = 0;
  uint32_t crc32 = 0;  // zlib's, of the image's bytes in `features`
  GridState state = GridState::kPending;

  int64_t cells() const { return int64_t{height} * width; }
};
static_assert(sizeof(GridRow) == 32);

}  // namespace data
