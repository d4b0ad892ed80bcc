// Grid features of many images into one file, so that a killed run loses nothing that it had written.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "data/grid_provenance.h"
#include "data/grid_store.h"
#include "data/grid_store_layout.h"

namespace data {

struct PlannedGrid {
  int64_t image_id = 0;
  int32_t height = 0;  // h, cells, at least 1
  int32_t width = 0;   // w
};

struct GridSplitPlan {
  std::string name;                 // not empty, without '/', and not "."
  std::vector<PlannedGrid> images;  // at least one, by ascending id
};

/// All that a store is going to hold.
struct GridStorePlan {
  GridProvenance provenance;
  GridType type = GridType::kHalf;
  int64_t channels = 0;               // C, at least 1
  std::vector<GridSplitPlan> splits;  // at least one, by ascending name
};

struct GridWriterOptions {
  bool resume = false;  // go on with the unfinished store at the path, if there is one
  // How much work a failing machine may lose at most. A killed program loses none.
  std::chrono::milliseconds sync_every{5000};
};

/// Throws all that a GridStoreWriter would for this path whatever its plan: std::runtime_error for a folder that is
/// missing or cannot be written, for another file there than a store, for an unfinished store that is not to be resumed
/// or that another process is writing. For those who have much to do before they know the plan.
void check_store_place(const std::filesystem::path& path, bool resume);

/// Writes the store of a plan as PATH.part, images in any order, and gives it its name at the end. Killed at any moment
/// and resumed with the same plan, it ends in the same bytes. One thread at a time; one process at a time, by a lock on
/// the file.
///
/// An image is named by its places in the plan. Its row is marked after its bytes are written, and finally after they
/// have been synced; resuming checks the checksums of rows that were only marked.
class GridStoreWriter {
 public:
  /// Takes the whole room on the disk. Throws std::invalid_argument for a plan that is not as above or, resuming,
  /// differs from what was begun (naming the difference), and std::runtime_error with the path as check_store_place
  /// does and where there is no room.
  GridStoreWriter(const std::filesystem::path& path, const GridStorePlan& plan, const GridWriterOptions& options = {});
  /// Leaves an unfinished store to be resumed, or nothing where it holds no image.
  ~GridStoreWriter();
  GridStoreWriter(const GridStoreWriter&) = delete;
  GridStoreWriter& operator=(const GridStoreWriter&) = delete;

  /// Whether the image has been written, perhaps by an earlier run.
  bool written(size_t split, size_t image) const;
  int64_t written() const { return written_; }  // images
  GridType type() const { return layout_.type; }

  /// `features` is (h, w, C) in the plan's type. Throws std::runtime_error with the path.
  void write(size_t split, size_t image, const void* features);

  /// Says that an image cannot be read: its place stays empty. A resumed run tries it again. Throws std::logic_error
  /// for one that has been written.
  void mark_absent(size_t split, size_t image);

  /// Waits until all that was written is safe on the disk.
  void sync();

  /// Gives the store its name, in place of what stood there. Every image has to be written or absent.
  void finish();

 private:
  void begin(GridLayout planned);
  void resume(const GridLayout& planned);
  void open_locked(const std::filesystem::path& file, int flags);
  void take_room() const;
  void take_name(const std::filesystem::path& fresh) const;
  void recover(size_t split, size_t row, const GridRow& planned);
  void put_row(size_t split, size_t row);
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path path_, unfinished_;
  GridWriterOptions options_;
  GridLayout layout_;
  int descriptor_ = -1;
  int64_t written_ = 0;
  std::vector<std::pair<size_t, size_t>> unsynced_;  // split and row of images that are written, but not synced
  std::chrono::steady_clock::time_point synced_ = std::chrono::steady_clock::now();
};

}  // namespace data
