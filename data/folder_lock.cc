#include "data/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace data {
namespace fs = std::filesystem;

FolderLock::FolderLock(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  made_ = fs::create_directories(folder_, error);
  if (error) throw std::runtime_error(folder_.string() + ": cannot be made: " + error.message());
  descriptor_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(descriptor_);
  throw std::runtime_error(folder_.string() + ": another process is writing there; wait for it or name another folder");
}

FolderLock::~FolderLock() {
  if (descriptor_ < 0) return;
  if (made_) ::rmdir(folder_.c_str());  // removes an empty folder alone
  ::close(descriptor_);
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : folder_(std::move(other.folder_)), made_(other.made_), descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace data
