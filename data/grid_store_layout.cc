#include "data/grid_store_layout.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <stdexcept>

#include "data/hdf5.h"
#include "data/printable.h"

namespace data {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

Hdf5Handle number_type(GridType type) {
  Hdf5Handle number(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
  if (type == GridType::kFloat) return number;
  H5Tset_fields(number.id(), 15, 10, 5, 0, 10);  // IEEE half precision: sign, exponent and mantissa
  H5Tset_size(number.id(), 2);
  H5Tset_ebias(number.id(), 15);
  return number;
}

struct RowMember {
  const char* name;
  size_t offset;
  hid_t type;
};

std::array<RowMember, 6> row_members() {
  return {{{"image_id", offsetof(GridRow, image_id), H5T_STD_I64LE},
           {"first_cell", offsetof(GridRow, first_cell), H5T_STD_I64LE},
           {"height", offsetof(GridRow, height), H5T_STD_I32LE},
           {"width", offsetof(GridRow, width), H5T_STD_I32LE},
           {"crc32", offsetof(GridRow, crc32), H5T_STD_U32LE},
           {"state", offsetof(GridRow, state), H5T_STD_U32LE}}};
}

Hdf5Handle row_type() {
  Hdf5Handle type(H5Tcreate(H5T_COMPOUND, sizeof(GridRow)), H5Tclose);
  for (const RowMember& member : row_members()) H5Tinsert(type.id(), member.name, member.offset, member.type);
  return type;
}

/// A property list without times, so that the same store has the same bytes whenever it is made.
Hdf5Handle creation(hid_t kind) {
  Hdf5Handle properties(H5Pcreate(kind), H5Pclose);
  H5Pset_obj_track_times(properties.id(), false);
  return properties;
}

Hdf5Handle create_dataset(hid_t group, const char* name, hid_t type, const std::vector<hsize_t>& shape) {
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
  const Hdf5Handle properties = creation(H5P_DATASET_CREATE);
  H5Pset_layout(properties.id(), H5D_CONTIGUOUS);
  H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY);
  H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER);
  return {H5Dcreate2(group, name, type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), H5Dclose};
}

bool write_attributes(hid_t file, const GridLayout& layout) {
  bool written = write_attribute(file, kFormatAttribute, std::string(kGridFormat)) &&
                 write_attribute(file, kVersionAttribute, kGridFormatVersion) &&
                 write_attribute(file, kTypeAttribute, std::string(grid_type(layout.type).name));
  for (const ProvenanceField& field : kProvenanceFields)
    written = written && write_attribute(file, field.name.data(), layout.provenance.*field.value);
  return written;
}

bool create_split(hid_t file, const GridLayout& layout, GridSplitLayout& split) {
  const Hdf5Handle properties = creation(H5P_GROUP_CREATE);
  const Hdf5Handle group(H5Gcreate2(file, split.name.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), H5Gclose);
  if (!group) return false;
  const Hdf5Handle number = number_type(layout.type), row = row_type();
  const Hdf5Handle index = create_dataset(group.id(), kIndexDataset, row.id(), {split.rows.size()});
  const Hdf5Handle features =
      create_dataset(group.id(), kFeaturesDataset, number.id(),
                     {static_cast<hsize_t>(split.cells), static_cast<hsize_t>(layout.channels)});
  if (!index || !features || H5Dwrite(index.id(), row.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, split.rows.data()) < 0)
    return false;
  split.index_at = H5Dget_offset(index.id());
  split.features_at = H5Dget_offset(features.id());
  return split.index_at != HADDR_UNDEF && split.features_at != HADDR_UNDEF;
}

/// Reads one file's layout, refusing by the file's path.
class LayoutReader {
 public:
  explicit LayoutReader(const fs::path& path) : path_(path), file_(open(path)), size_(fs::file_size(path)) {}

  GridLayout read() {
    GridLayout layout;
    read_attributes(layout);
    for (const std::string& name : group_names()) layout.splits.push_back(read_split(name, layout));
    if (layout.splits.empty()) fail(path_, "holds no split: it has no group");
    return layout;
  }

 private:
  static Hdf5Handle open(const fs::path& path) {
    if (fs::is_directory(path)) fail(path, "is a folder, not a file");
    if (!fs::exists(path)) fail(path, "does not exist; make a grid store with vqa extract");
    if (!fs::is_regular_file(path)) fail(path, "is no regular file; a grid store is an HDF5 file");
    const Hdf5Handle access = hdf5_file_access();
    Hdf5Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
    if (file) return file;
    const bool hdf5 = H5Fis_hdf5(path.c_str()) > 0;
    fail(path, hdf5 ? "is a truncated or damaged HDF5 file; copy it or make it again" : "is no HDF5 file");
  }

  std::string required_text(const char* name) const {
    if (const auto text = read_text_attribute(file_.id(), name)) return *text;
    fail(path_, "has no attribute '" + std::string(name) + "' with a text; make the store again with vqa extract");
  }

  void read_attributes(GridLayout& layout) const {
    if (read_text_attribute(file_.id(), kFormatAttribute) != kGridFormat)
      fail(path_, "is an HDF5 file, but no grid store; make one with vqa extract");
    const std::optional<int32_t> version = read_number_attribute(file_.id(), kVersionAttribute);
    if (version != kGridFormatVersion) {
      fail(path_, "has the format version " + (version ? std::to_string(*version) : "(none)") +
                      ", and this program reads " + std::to_string(kGridFormatVersion) +
                      "; use the program's version " + "that made it, or make it again");
    }
    const std::string type = required_text(kTypeAttribute);
    const auto* found =
        std::find_if(kGridTypes.begin(), kGridTypes.end(), [&](const auto& t) { return t.name == type; });
    if (found == kGridTypes.end()) fail(path_, "has features of the unknown dtype '" + printable(type) + "'");
    layout.type = found->type;
    for (const ProvenanceField& field : kProvenanceFields)
      layout.provenance.*field.value = required_text(field.name.data());
  }

  /// Groups that lie in this file itself, by name.
  std::vector<std::string> group_names() const {
    std::vector<std::string> names;
    const auto add = [](hid_t at, const char* name, const H5L_info_t* link, void* all) -> herr_t {
      if (link->type != H5L_TYPE_HARD) return 0;
      const Hdf5Handle object(H5Oopen(at, name, H5P_DEFAULT), H5Oclose);
      if (object && H5Iget_type(object.id()) == H5I_GROUP)
        static_cast<std::vector<std::string>*>(all)->emplace_back(name);
      return 0;
    };
    if (H5Literate(file_.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names) < 0)
      fail(path_, "its groups are damaged");
    std::sort(names.begin(), names.end());
    return names;
  }

  GridSplitLayout read_split(const std::string& name, GridLayout& layout) const {
    GridSplitLayout split;
    split.name = name;
    const Hdf5Handle group(H5Gopen2(file_.id(), name.c_str(), H5P_DEFAULT), H5Gclose);
    if (!group) fail(path_, "group '" + printable(name) + "' is damaged");
    read_features(group.id(), split, layout);
    read_index(group.id(), split);
    check_rows(split);
    return split;
  }

  Hdf5Handle open_dataset(hid_t group, const std::string& name, const char* dataset) const {
    Hdf5Handle opened(
        H5Lexists(group, dataset, H5P_DEFAULT) > 0 ? H5Dopen2(group, dataset, H5P_DEFAULT) : H5I_INVALID_HID, H5Dclose);
    if (!opened)
      fail(path_, "has no dataset '" + printable(name) + "/" + dataset + "'; make the store again with vqa extract");
    return opened;
  }

  /// The extents, where there are `rank` of them.
  std::vector<hsize_t> shape_of(hid_t dataset, int rank, const std::string& what) const {
    const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
    std::vector<hsize_t> shape(static_cast<size_t>(rank));
    if (!space || H5Sget_simple_extent_ndims(space.id()) != rank ||
        H5Sget_simple_extent_dims(space.id(), shape.data(), nullptr) != rank)
      fail(path_, "dataset '" + what + "' has to have " + std::to_string(rank) + " dimensions");
    return shape;
  }

  /// The dataset's place, where it lies in this file in one piece of `count` elements of `bytes` bytes.
  uint64_t place_of(hid_t dataset, uint64_t count, uint64_t bytes, const std::string& what) const {
    const Hdf5Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    if (!properties || H5Pget_layout(properties.id()) != H5D_CONTIGUOUS || H5Pget_external_count(properties.id()) != 0)
      fail(path_, "dataset '" + what + "' is chunked, compressed or outside the file; only contiguous ones are read");
    if (__builtin_mul_overflow(count, bytes, &bytes)) fail(path_, "dataset '" + what + "' has an impossible shape");
    if (bytes == 0) return 0;
    const haddr_t place = H5Dget_offset(dataset);
    if (place == HADDR_UNDEF || place > size_ || bytes > size_ - place)
      fail(path_, "dataset '" + what + "' does not lie within the file: it is truncated or damaged");
    return place;
  }

  void read_features(hid_t group, GridSplitLayout& split, GridLayout& layout) const {
    const std::string what = printable(split.name) + "/" + kFeaturesDataset;
    const Hdf5Handle dataset = open_dataset(group, split.name, kFeaturesDataset);
    const Hdf5Handle type(H5Dget_type(dataset.id()), H5Tclose), wanted = number_type(layout.type);
    if (!type || H5Tequal(type.id(), wanted.id()) <= 0)
      fail(path_, "dataset '" + what + "' is not of little-endian " + std::string(grid_type(layout.type).name));
    const std::vector<hsize_t> shape = shape_of(dataset.id(), 2, what);
    constexpr hsize_t kMostChannels = 1 << 20;
    if (shape[1] < 1 || shape[1] > kMostChannels ||
        shape[0] > static_cast<hsize_t>(std::numeric_limits<int64_t>::max()))
      fail(path_, "dataset '" + what + "' has an impossible shape");
    const auto channels = static_cast<int64_t>(shape[1]);
    if (layout.channels != 0 && layout.channels != channels) {
      fail(path_, "dataset '" + what + "' has " + std::to_string(channels) + " channels, other splits " +
                      std::to_string(layout.channels));
    }
    layout.channels = channels;
    split.cells = static_cast<int64_t>(shape[0]);
    split.features_at = place_of(dataset.id(), shape[0], layout.cell_bytes(), what);
  }

  void read_index(hid_t group, GridSplitLayout& split) const {
    const std::string what = printable(split.name) + "/" + kIndexDataset;
    const Hdf5Handle dataset = open_dataset(group, split.name, kIndexDataset);
    const Hdf5Handle type(H5Dget_type(dataset.id()), H5Tclose), wanted = row_type();
    if (!type || H5Tequal(type.id(), wanted.id()) <= 0) {
      std::string names;
      for (const RowMember& member : row_members()) names.append(names.empty() ? "" : ", ").append(member.name);
      fail(path_, "dataset '" + what + "' is not made of " + names);
    }
    const hsize_t count = shape_of(dataset.id(), 1, what)[0];
    split.index_at = place_of(dataset.id(), count, sizeof(GridRow), what);
    split.rows.resize(count);
    if (count > 0 && H5Dread(dataset.id(), wanted.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, split.rows.data()) < 0)
      fail(path_, "dataset '" + what + "' cannot be read");
  }

  void check_rows(const GridSplitLayout& split) const {
    const GridRow* before = nullptr;
    for (const GridRow& row : split.rows) {
      const char* wrong = nullptr;
      if (row.state > GridState::kAbsent)
        wrong = "has an unknown state";
      else if (row.height < 0 || row.width < 0)
        wrong = "has a negative size";
      else if (row.state != GridState::kAbsent && row.cells() == 0)
        wrong = "has no cell";
      else if (row.first_cell < 0 || row.cells() > split.cells || row.first_cell > split.cells - row.cells())
        wrong = "has cells that are not in the store";
      else if (before != nullptr && before->image_id >= row.image_id)
        wrong = "is not in ascending order of ids";
      if (wrong != nullptr) {
        fail(path_, "image " + std::to_string(row.image_id) + " (in '" + printable(split.name) + "/" + kIndexDataset +
                        "') " + wrong + ": the store is damaged; make it again with vqa extract");
      }
      before = &row;
    }
  }

  const fs::path& path_;
  Hdf5Handle file_;
  uint64_t size_;
};

}  // namespace

uint32_t grid_checksum(const void* features, size_t size) {
  return static_cast<uint32_t>(crc32_z(0, static_cast<const unsigned char*>(features), size));
}

void create_grid_layout(const fs::path& path, GridLayout& layout) {
  const Hdf5Lock lock;
  const Hdf5Handle access = hdf5_file_access();
  H5Pset_alignment(access.id(), 1, kGridAlignment);
  const Hdf5Handle properties = creation(H5P_FILE_CREATE);
  Hdf5Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, properties.id(), access.id()), H5Fclose);
  bool made = file && write_attributes(file.id(), layout);
  for (GridSplitLayout& split : layout.splits) made = made && create_split(file.id(), layout, split);
  if (!(file.close() && made)) fail(path, "cannot be written");
}

GridLayout read_grid_layout(const fs::path& path) {
  const Hdf5Lock lock;
  return LayoutReader(path).read();
}

}  // namespace data
