#include "data/atomic_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>

#include "data/atomic_file.h"

namespace data {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const char* what, const std::string& reason) {
  throw std::runtime_error(path.string() + ": " + what + ": " + reason);
}

/// One system call for all files: a sync of each would take minutes for thousands of them.
void sync_files(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail(folder, "cannot be opened", std::strerror(errno));
  const int result = ::syncfs(descriptor);
  const std::string reason = std::strerror(errno);
  ::close(descriptor);
  if (result != 0) fail(folder, "cannot be synced", reason);
}

}  // namespace

fs::path resolved(const fs::path& path) {
  if (path.empty()) throw std::runtime_error("'': is no folder's path; name a folder");
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  if (!error) return canonical;
  const fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

AtomicFolder::AtomicFolder(const fs::path& wanted) : wanted_(resolved(wanted)) {
  std::error_code error;
  if (fs::exists(wanted_, error) && !fs::is_directory(wanted_, error)) {
    fail(wanted, "cannot be made", "a file of this name exists");
  }
  fs::create_directories(wanted_.parent_path(), error);
  if (error) fail(wanted, "cannot be made", error.message());
  const fs::path temporary = temporary_beside(wanted_);
  fs::remove_all(temporary, error);
  if (!fs::create_directory(temporary, error)) fail(wanted, "cannot be made", error.message());
  temporary_ = temporary;
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  sync_files(temporary_);
  replace_folder(temporary_, wanted_);
  temporary_.clear();
}

void replace_folder(const fs::path& complete, const fs::path& wanted) {
  std::error_code error;
  fs::path old = complete;  // where the replaced folder is once `wanted` is the new one; nothing, where there was none
  if (!fs::exists(wanted, error)) {
    if (::rename(complete.c_str(), wanted.c_str()) != 0) fail(wanted, "cannot be put in place", std::strerror(errno));
    old.clear();
  } else if (::renameat2(AT_FDCWD, complete.c_str(), AT_FDCWD, wanted.c_str(), RENAME_EXCHANGE) != 0) {
    // A mount point cannot be exchanged, and some file systems exchange nothing.
    old = complete.string() + ".old";
    if (::rename(wanted.c_str(), old.c_str()) != 0) fail(wanted, "cannot be replaced", std::strerror(errno));
    if (::rename(complete.c_str(), wanted.c_str()) != 0) {
      const std::string reason = std::strerror(errno);
      fs::rename(old, wanted, error);
      fail(wanted, "cannot be put in place", reason);
    }
  }
  sync_folder(wanted.has_parent_path() ? wanted.parent_path() : fs::path("."));
  if (!old.empty()) fs::remove_all(old, error);
}

}  // namespace data
