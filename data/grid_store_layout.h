// Where everything lies in a grid store's file. For the store's reader and writer; others use data/grid_store.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/grid_provenance.h"
#include "data/grid_store_format.h"

namespace data {

struct GridSplitLayout {
  std::string name;
  std::vector<GridRow> rows;  // by ascending image id
  int64_t cells = 0;          // rows of `features`
  uint64_t features_at = 0;   // byte in the file
  uint64_t index_at = 0;
};

struct GridLayout {
  GridProvenance provenance;
  GridType type = GridType::kHalf;
  int64_t channels = 0;
  std::vector<GridSplitLayout> splits;  // by ascending name

  size_t cell_bytes() const { return static_cast<size_t>(channels) * grid_type(type).bytes; }
  size_t bytes(const GridRow& row) const { return static_cast<size_t>(row.cells()) * cell_bytes(); }
  uint64_t features_at(const GridSplitLayout& split, const GridRow& row) const {
    return split.features_at + static_cast<uint64_t>(row.first_cell) * cell_bytes();
  }
  uint64_t row_at(const GridSplitLayout& split, size_t row) const { return split.index_at + row * sizeof(GridRow); }
};

/// What a row's `crc32` has to be: of its features' `size` bytes as they are in the file.
uint32_t grid_checksum(const void* features, size_t size);

/// Makes the file with its attributes, its datasets at their final size and its rows; features are left unwritten.
/// Fills in the places. Throws std::runtime_error with the path.
void create_grid_layout(const std::filesystem::path& path, GridLayout& layout);

/// Reads the layout of a file that nobody vouches for. Throws std::runtime_error, with the path and what is wrong, for
/// all but a store of this format in which each row's state is known and its cells lie within `features`, `features`
/// within the file, and ids are in ascending order.
GridLayout read_grid_layout(const std::filesystem::path& path);

}  // namespace data
