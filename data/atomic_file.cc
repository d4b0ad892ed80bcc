#include "data/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace data {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTemporary = ".tmp";  // before the process's number

std::string reason() { return std::strerror(errno); }

/// False with errno.
bool sync_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool synced = ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  errno = error;
  return synced;
}

}  // namespace

fs::path temporary_beside(const fs::path& path) {
  return path.string() + std::string(kTemporary) + std::to_string(::getpid());
}

bool is_temporary(const fs::path& path) {
  const std::string name = path.filename().string();
  const size_t at = name.rfind(kTemporary);
  const size_t digits = at + kTemporary.size();
  return at != name.npos && digits < name.size() && name.find_first_not_of("0123456789", digits) == name.npos;
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  const fs::file_status status = fs::status(path_);
  if (fs::is_directory(status)) throw std::runtime_error(path_.string() + ": is a folder, not a file");
  const bool direct = fs::exists(status) && !fs::is_regular_file(status);
  if (!direct) temporary_ = temporary_beside(path_);
  const fs::path& target = direct ? path_ : temporary_;
  descriptor_ = ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw std::runtime_error(path_.string() + ": cannot be written: " + reason());
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what) const {
  throw std::runtime_error(path_.string() + ": " + what + ": " + reason());
}

void AtomicFile::write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

void AtomicFile::write(const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = ::write(descriptor_, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written");
    at += written;
    size -= static_cast<size_t>(written);
  }
}

void AtomicFile::commit() {
  // A pipe or a device has nothing to sync and says EINVAL.
  if (::fsync(descriptor_) != 0 && !(temporary_.empty() && errno == EINVAL)) fail("cannot be synced");
  const int descriptor = descriptor_;
  if (!temporary_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be put in place");
  descriptor_ = -1;
  if (::close(descriptor) != 0) fail("cannot be closed");
  if (!temporary_.empty()) sync_folder(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

void write_file(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void copy_file(const fs::path& from, const fs::path& path) {
  const fs::path temporary = temporary_beside(path);
  std::error_code error, ignored;
  fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, error);
  if (!error && !sync_file(temporary)) error.assign(errno, std::generic_category());
  if (!error) fs::rename(temporary, path, error);
  if (!error) return sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
  fs::remove(temporary, ignored);
  throw std::runtime_error(path.string() + ": cannot be copied from " + from.string() + ": " + error.message());
}

bool rename_unless_there(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // NFS knows links alone.
  if (::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return true;
  }
  if (errno == EEXIST) return false;
  // Some file systems know neither: there two that rename in the same moment are not told apart.
  if (fs::exists(to)) {
    errno = EEXIST;
    return false;
  }
  return ::rename(from.c_str(), to.c_str()) == 0;
}

std::string read_file(const fs::path& path) {
  if (fs::is_directory(path)) throw std::runtime_error(path.string() + ": is a folder, not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path.string() + ": cannot be read: " + reason());
  std::ostringstream content;
  content << in.rdbuf();
  if (in.bad()) throw std::runtime_error(path.string() + ": reading failed: " + reason());
  return std::move(content).str();
}

void sync_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error(folder.string() + ": cannot be opened: " + reason());
  const bool synced = ::fsync(descriptor) == 0 || errno == EINVAL;
  ::close(descriptor);
  if (!synced) throw std::runtime_error(folder.string() + ": cannot be synced: " + reason());
}

}  // namespace data
