#include "data/file_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace data {

FileMapping::FileMapping(std::filesystem::path path) : path_(std::move(path)) {
  // A pipe that nobody writes to would be waited for.
  const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) fail(std::string("cannot be read: ") + std::strerror(errno));
  struct stat status {};
  ::fstat(descriptor, &status);
  const bool regular = S_ISREG(status.st_mode);
  size_ = regular ? static_cast<size_t>(status.st_size) : 0;
  void* at = MAP_FAILED;
  if (size_ > 0) at = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
  ::close(descriptor);
  if (S_ISDIR(status.st_mode)) fail("is a folder, not a file");
  if (!regular) fail("is no regular file");
  if (size_ == 0) fail("is empty");
  if (at == MAP_FAILED) fail("cannot be mapped into memory");
  begin_ = static_cast<char*>(at);
}

FileMapping::~FileMapping() { ::munmap(begin_, size_); }

void FileMapping::forget(size_t begin, size_t size) const noexcept {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t first = (begin + page - 1) / page * page, last = (begin + size) / page * page;  // whole pages alone
  if (first < last) ::madvise(begin_ + first, last - first, MADV_DONTNEED);
}

void FileMapping::count_copy(size_t bytes) {
  if (bytes > size_ - copied_) fail("is damaged: its tensors overlap");
  copied_ += bytes;
}

void FileMapping::fail(const std::string& what) const { throw std::runtime_error(path_.string() + ": " + what); }

}  // namespace data
