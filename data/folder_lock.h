// Folders that one process at a time writes to.
#pragma once

#include <filesystem>

namespace data {

/// Holds a folder against other processes that lock it too, until this object or this process ends, however it ends.
/// A folder that is missing is made, and removed again where nothing was put into it. Nothing is written: the lock is
/// the system's own (flock), and file systems that have none are not locked.
class FolderLock {
 public:
  /// Throws std::runtime_error with the path where another process holds the folder, or where it cannot be made.
  explicit FolderLock(std::filesystem::path folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  std::filesystem::path folder_;
  bool made_ = false;
  int descriptor_ = -1;
};

}  // namespace data
