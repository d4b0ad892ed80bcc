#include "vqa/metrics_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace vqa {

void MetricsLog::open() {
  std::error_code ignored;
  std::filesystem::create_directories(path_.parent_path(), ignored);
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  struct stat status {};
  const bool opened = descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0;
  bytes_ = std::min<int64_t>(bytes_, status.st_size);  // it may have been shortened or removed meanwhile
  if (!opened || ::ftruncate(descriptor_, bytes_) != 0 || ::lseek(descriptor_, bytes_, SEEK_SET) < 0) {
    throw std::runtime_error(path_.string() + ": cannot be written: " + std::strerror(errno));
  }
}

MetricsLog::~MetricsLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void MetricsLog::write(const nlohmann::ordered_json& line) {
  if (descriptor_ < 0) open();
  const std::string text = line.dump() + "\n";
  // One call a line, so that a reader never sees half of one; on a full disk a part may be written.
  const ssize_t written = ::write(descriptor_, text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    const std::string reason = std::strerror(written < 0 ? errno : ENOSPC);
    if (::ftruncate(descriptor_, bytes_) == 0) ::lseek(descriptor_, bytes_, SEEK_SET);
    throw std::runtime_error(path_.string() + ": cannot be written: " + reason);
  }
  bytes_ += static_cast<int64_t>(text.size());
}

}  // namespace vqa
