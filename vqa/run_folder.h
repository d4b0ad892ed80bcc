// Where a training run writes while a model that stands at its place is kept.
#pragma once

#include <filesystem>

#include "data/folder_lock.h"

namespace vqa {

/// The folder of a run whose result is to be `out`. A run writes straight into `out`, except where a model stands there
/// already: then it writes into `out`.new, which takes the place of `out` when the run is finished, so that the old
/// model is lost only when the new one is complete. A file in it tells such a run from any other folder of that name.
/// `out` is locked: while a run goes on, no other process can begin or resume one there.
class RunFolder {
 public:
  /// A new run. Throws std::runtime_error where `out` is a file or holds something else than a model or the beginnings
  /// of a run, and where `out`.new holds an unfinished run that can be resumed, or is no run at all: nothing is removed
  /// that took time to make.
  static RunFolder begin(const std::filesystem::path& out);

  /// The run that was under way last; where there is none, a new one, as begin() makes it. Throws std::runtime_error
  /// where `out` holds a model without the state of its training too: what is asked for cannot be, and it would be
  /// lost.
  static RunFolder resume(const std::filesystem::path& out);

  /// Leaves no folder behind in which nothing was saved.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Puts the finished run at `out`. Throws std::runtime_error with the path.
  void finish() const;

 private:
  RunFolder(std::filesystem::path out, std::filesystem::path path, data::FolderLock lock)
      : lock_(std::move(lock)), out_(std::move(out)), path_(std::move(path)) {}

  data::FolderLock lock_;
  std::filesystem::path out_, path_;
};

}  // namespace vqa
