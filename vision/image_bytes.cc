#include "vision/image_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "data/file_at.h"

namespace vision {
namespace {

// A JPEG without notes has its header in so many bytes.
constexpr size_t kStep = 1024;

[[noreturn]] void fail(const char* reason) { throw std::runtime_error(std::string("cannot be read: ") + reason); }

}  // namespace

ImageBytes ImageBytes::of_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor >= 0 && ::fstat(descriptor, &status) == 0) return {descriptor, static_cast<size_t>(status.st_size)};
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  fail(std::strerror(error));
}

ImageBytes::~ImageBytes() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

size_t ImageBytes::find(char byte, size_t at) {
  while (at < size_) {
    if (at < first_ || at >= first_ + here_.size()) read(at, 1);
    const std::string_view part = here_.substr(at - first_);
    const size_t found = part.find(byte);
    if (found != part.npos) return at + found;
    at += part.size();
  }
  return size_;
}

void ImageBytes::read(size_t at, size_t count) {
  here_ = {};
  buffer_.resize(std::min(std::max(count, kStep), size_ - at));
  if (!data::read_at(descriptor_, buffer_.data(), buffer_.size(), at))
    fail(errno == 0 ? "it has become shorter meanwhile" : std::strerror(errno));
  here_ = buffer_;
  first_ = at;
}

}  // namespace vision
