// Files that appear whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace data {

/// Writes a file so that a reader finds the old content or the new, never a part: the bytes go to a temporary beside
/// `path`, are synced, and take its place by one rename when `commit` is called. Without `commit` the temporary is
/// removed and whatever stood at `path` stays. A path that is no regular file (/dev/stdout) is written directly.
/// Throws std::runtime_error with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void write(const void* bytes, size_t size);
  void commit();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty when `path_` is written directly
  int descriptor_ = -1;
};

/// The name under which this process writes what is to take the place of `path`: PATH.tmpPID.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

/// Whether a path is named so, by whatever process: what is left of one that was killed.
bool is_temporary(const std::filesystem::path& path);

/// Writes `bytes` to `path` through an AtomicFile.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// Copies the content of the file `from`, so that `path` has all of it or is as it was.
void copy_file(const std::filesystem::path& from, const std::filesystem::path& path);

/// Gives a file another name unless something has that name already: then false, with errno EEXIST. False with errno
/// where the system refuses, too.
bool rename_unless_there(const std::filesystem::path& from, const std::filesystem::path& to);

/// The whole content of a file. Throws std::runtime_error with the path.
std::string read_file(const std::filesystem::path& path);

/// Makes the folder's entries durable (fsync on the folder).
void sync_folder(const std::filesystem::path& folder);

}  // namespace data
