#include "data/grid_store_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/file_at.h"
#include "data/grouped.h"
#include "data/settings.h"

namespace data {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse_plan(const std::string& what) { throw std::invalid_argument("grid store: " + what); }

/// The rows of a split's images as they are planned: one behind the other.
GridSplitLayout planned_split(const GridSplitPlan& plan) {
  if (plan.name.empty() || plan.name == "." || plan.name.find('/') != plan.name.npos)
    refuse_plan("split '" + plan.name + "' has a name that HDF5 does not allow");
  if (plan.images.empty()) refuse_plan("split '" + plan.name + "' has no image");
  GridSplitLayout split{.name = plan.name};
  for (const PlannedGrid& image : plan.images) {
    const std::string what = "image " + std::to_string(image.image_id) + " of split '" + plan.name + "' ";
    if (image.height < 1 || image.width < 1) refuse_plan(what + "has no cell");
    if (!split.rows.empty() && split.rows.back().image_id >= image.image_id)
      refuse_plan(what + "stands twice or is out of order");
    split.rows.push_back({image.image_id, split.cells, image.height, image.width});
    split.cells += split.rows.back().cells();
  }
  return split;
}

GridLayout planned_layout(const GridStorePlan& plan) {
  data::check_at_least("channels", plan.channels, 1);
  if (plan.splits.empty()) refuse_plan("there is no split");
  GridLayout layout{.provenance = plan.provenance, .type = plan.type, .channels = plan.channels};
  for (const GridSplitPlan& split : plan.splits) {
    if (!layout.splits.empty() && layout.splits.back().name >= split.name)
      refuse_plan("split '" + split.name + "' stands twice or is out of order");
    layout.splits.push_back(planned_split(split));
  }
  return layout;
}

/// The first difference between what was begun and what is planned, in words; empty where there is none.
std::string difference(const GridLayout& begun, const GridLayout& planned) {
  const std::string provenance = provenance_mismatch({"it", begun.provenance}, {"this run", planned.provenance});
  if (!provenance.empty()) return provenance;
  if (begun.type != planned.type || begun.channels != planned.channels) {
    const auto kind = [](const GridLayout& layout) {
      return std::to_string(layout.channels) + " channels of " + std::string(grid_type(layout.type).name);
    };
    return "it was begun with " + kind(begun) + ", this run with " + kind(planned);
  }
  for (size_t s = 0; s < std::max(begun.splits.size(), planned.splits.size()); ++s) {
    if (s >= begun.splits.size() || s >= planned.splits.size() || begun.splits[s].name != planned.splits[s].name)
      return "it was begun with other splits";
    const std::vector<GridRow>&was = begun.splits[s].rows, &is = planned.splits[s].rows;
    const std::string in = " in split '" + planned.splits[s].name + "'";
    if (was.size() != is.size()) {
      return "it was begun with " + grouped(static_cast<int64_t>(was.size())) + " images" + in + ", this run has " +
             grouped(static_cast<int64_t>(is.size())) + ": pictures were added, removed or mended since";
    }
    for (size_t i = 0; i < was.size(); ++i) {
      const bool same_size =
          was[i].state == GridState::kAbsent || (was[i].height == is[i].height && was[i].width == is[i].width);
      if (was[i].image_id != is[i].image_id || was[i].first_cell != is[i].first_cell || !same_size)
        return "image " + std::to_string(is[i].image_id) + in + " is another or has another size";
    }
  }
  return "";
}

constexpr const char* kBeingWritten = "is being written by another process; wait for it";

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

[[noreturn]] void refuse_writing(const fs::path& path) {
  throw std::runtime_error(path.string() + ": cannot be written: " + std::strerror(errno));
}

/// Whether another process writes a store's file: it holds the file's lock.
bool is_being_written(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;  // opening it for writing tells why
  const bool locked = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return locked;
}

std::string size_text(uint64_t bytes) {
  constexpr uint64_t kMegabyte = 1'000'000;
  return grouped(static_cast<int64_t>((bytes + kMegabyte - 1) / kMegabyte)) + " MB";
}

void require_room(const fs::path& path, const GridLayout& layout) {
  uint64_t needed = 0;
  for (const GridSplitLayout& split : layout.splits) {
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<uint64_t>(split.cells), layout.cell_bytes(), &bytes) ||
        __builtin_add_overflow(needed, bytes, &needed))
      refuse_plan("more than any disk can hold");
  }
  struct statvfs disk {};
  if (::statvfs(folder_of(path).c_str(), &disk) != 0) return;
  const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (needed <= free) return;
  throw std::runtime_error(path.string() + ": cannot be written: " + std::strerror(ENOSPC) + ": it takes " +
                           size_text(needed) + " and the disk has " + size_text(free));
}

}  // namespace

void check_store_place(const fs::path& path, bool resume) {
  if (fs::exists(path)) {
    try {
      read_grid_layout(path);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(std::string(error.what()) + " (it is not replaced: choose another name, or remove it)");
    }
  }
  if (::access((folder_of(path) / ".").c_str(), W_OK | X_OK) != 0) refuse_writing(path);
  const fs::path unfinished = unfinished_path(path);
  if (!fs::exists(unfinished)) return;
  if (is_being_written(unfinished)) throw std::runtime_error(unfinished.string() + ": " + kBeingWritten);
  if (resume) return;
  throw std::runtime_error(unfinished.string() +
                           ": is there from a run that was stopped; go on with --resume, or remove it to start anew");
}

GridStoreWriter::GridStoreWriter(const fs::path& path, const GridStorePlan& plan, const GridWriterOptions& options)
    : path_(path), unfinished_(unfinished_path(path)), options_(options) {
  GridLayout planned = planned_layout(plan);
  check_store_place(path, options.resume);
  try {
    if (options.resume && fs::exists(unfinished_)) {
      resume(planned);
    } else {
      begin(std::move(planned));
    }
  } catch (...) {
    if (descriptor_ >= 0) ::close(descriptor_);
    throw;
  }
}

GridStoreWriter::~GridStoreWriter() {
  if (descriptor_ < 0) return;
  try {
    sync();
  } catch (const std::exception&) {
    // The next run finds the rows unsynced and checks them.
  }
  if (written_ == 0) ::unlink(unfinished_.c_str());
  ::close(descriptor_);
}

void GridStoreWriter::fail(const std::string& what) const {
  throw std::runtime_error(unfinished_.string() + ": " + what);
}

void GridStoreWriter::open_locked(const fs::path& file, int flags) {
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CLOEXEC | flags, 0644);
  if (descriptor_ < 0) refuse_writing(path_);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) fail(kBeingWritten);
  // Between opening and locking, the one who held the lock may have put the file in its place.
  struct stat opened {
  }, named{};
  if (::fstat(descriptor_, &opened) != 0 || ::stat(file.c_str(), &named) != 0 || opened.st_ino != named.st_ino)
    fail("was being written by another process; try again");
}

/// Laid out under a third name, so that what is at PATH.part is whole.
void GridStoreWriter::begin(GridLayout planned) {
  require_room(path_, planned);
  const fs::path fresh = unfinished_.string() + ".new";
  open_locked(fresh, O_CREAT);
  try {
    create_grid_layout(fresh, planned);
    take_room();
    if (::fsync(descriptor_) != 0) fail(std::string("cannot be written: ") + std::strerror(errno));
    take_name(fresh);
  } catch (...) {
    ::unlink(fresh.c_str());
    throw;
  }
  layout_ = std::move(planned);
}

/// All of it at once, so that a disk that is too small is known now and not after days.
void GridStoreWriter::take_room() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && ::fallocate(descriptor_, 0, 0, status.st_size) == 0) return;
  // A file system that cannot set room aside has been asked how much there is.
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) return;
  throw std::runtime_error(path_.string() + ": cannot be written: " + std::strerror(errno) + "; it takes " +
                           size_text(static_cast<uint64_t>(status.st_size)));
}

/// Of two processes that found nothing here at the same time one comes first.
void GridStoreWriter::take_name(const fs::path& fresh) const {
  if (rename_unless_there(fresh, unfinished_)) return;
  fail(errno == EEXIST ? kBeingWritten : std::string("cannot be written: ") + std::strerror(errno));
}

void GridStoreWriter::resume(const GridLayout& planned) {
  open_locked(unfinished_, 0);
  layout_ = read_grid_layout(unfinished_);
  const std::string what = difference(layout_, planned);
  if (!what.empty()) {
    throw std::invalid_argument(unfinished_.string() + ": cannot be resumed: " + what +
                                "; resume as it was begun, or remove it to start anew");
  }
  for (size_t split = 0; split < layout_.splits.size(); ++split) {
    for (size_t row = 0; row < layout_.splits[split].rows.size(); ++row) {
      recover(split, row, planned.splits[split].rows[row]);
    }
  }
}

void GridStoreWriter::recover(size_t split, size_t row, const GridRow& planned) {
  GridSplitLayout& in = layout_.splits[split];
  GridRow& found = in.rows[row];
  if (found.state == GridState::kWritten) {
    std::vector<unsigned char> bytes(layout_.bytes(found));
    const bool read = read_at(descriptor_, bytes.data(), bytes.size(), layout_.features_at(in, found));
    if (read && grid_checksum(bytes.data(), bytes.size()) == found.crc32) {
      unsynced_.emplace_back(split, row);
    } else {
      found = planned;
    }
  } else if (found.state == GridState::kAbsent) {
    found = planned;
    put_row(split, row);
  }
  if (written(split, row)) ++written_;
}

bool GridStoreWriter::written(size_t split, size_t image) const {
  const GridState state = layout_.splits[split].rows[image].state;
  return state == GridState::kWritten || state == GridState::kPresent;
}

void GridStoreWriter::put_row(size_t split, size_t row) {
  const GridSplitLayout& in = layout_.splits[split];
  if (!write_at(descriptor_, &in.rows[row], sizeof(GridRow), layout_.row_at(in, row)))
    fail(std::string("cannot be written: ") + std::strerror(errno));
}

void GridStoreWriter::write(size_t split, size_t image, const void* features) {
  GridSplitLayout& in = layout_.splits[split];
  GridRow& row = in.rows[image];
  const size_t size = layout_.bytes(row);
  if (!write_at(descriptor_, features, size, layout_.features_at(in, row)))
    fail(std::string("cannot be written: ") + std::strerror(errno));
  row.crc32 = grid_checksum(features, size);
  row.state = GridState::kWritten;
  put_row(split, image);
  ++written_;
  unsynced_.emplace_back(split, image);
  if (std::chrono::steady_clock::now() - synced_ >= options_.sync_every) sync();
}

void GridStoreWriter::mark_absent(size_t split, size_t image) {
  GridRow& row = layout_.splits[split].rows[image];
  if (written(split, image))
    throw std::logic_error("grid store: image " + std::to_string(row.image_id) + " has been written, it is not absent");
  row.height = row.width = 0;
  row.state = GridState::kAbsent;
  put_row(split, image);
}

void GridStoreWriter::sync() {
  if (::fdatasync(descriptor_) != 0) fail(std::string("cannot be synced: ") + std::strerror(errno));
  for (const auto& [split, row] : unsynced_) {
    layout_.splits[split].rows[row].state = GridState::kPresent;
    put_row(split, row);
  }
  unsynced_.clear();
  synced_ = std::chrono::steady_clock::now();
}

void GridStoreWriter::finish() {
  for (const GridSplitLayout& split : layout_.splits) {
    for (const GridRow& row : split.rows) {
      if (row.state == GridState::kPending)
        throw std::logic_error("grid store: image " + std::to_string(row.image_id) + " has not been written");
    }
  }
  sync();
  if (::fsync(descriptor_) != 0) fail(std::string("cannot be synced: ") + std::strerror(errno));
  if (::rename(unfinished_.c_str(), path_.c_str()) != 0)
    fail(std::string("cannot be put in place: ") + std::strerror(errno));
  ::close(std::exchange(descriptor_, -1));
  sync_folder(folder_of(path_));
}

}  // namespace data
