// Folders that appear whole or not at all.
#pragma once

#include <filesystem>

namespace data {

/// Fills a folder so that a reader finds the old one or the new, never a part: files go into `path()`, a temporary
/// folder beside the wanted one, which takes its place when `commit` is called. Without `commit` the temporary is
/// removed with all in it and whatever stood there stays. Missing parent folders are made.
/// Throws std::runtime_error with the path and the system's reason.
class AtomicFolder {
 public:
  explicit AtomicFolder(const std::filesystem::path& wanted);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& path() const { return temporary_; }

  /// Syncs the files and puts the folder in place; a folder that stood there is removed. Whether it may be is the
  /// caller's to decide beforehand.
  void commit();

 private:
  std::filesystem::path wanted_;
  std::filesystem::path temporary_;
};

/// A folder's path without a trailing slash, and with a last symbolic link followed, so that a rename replaces the
/// folder, not the link. Throws std::runtime_error for an empty path.
std::filesystem::path resolved(const std::filesystem::path& path);

/// Puts the folder `complete` at `wanted` and removes what stood there: in one step where the file system can exchange
/// two folders; where it cannot, and at mount points, there is a moment when the old one is called COMPLETE.old and
/// `wanted` is not there. Both are on one file system. Throws std::runtime_error with the path; `wanted` is then as it
/// was.
void replace_folder(const std::filesystem::path& complete, const std::filesystem::path& wanted);

}  // namespace data
