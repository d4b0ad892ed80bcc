// The bytes of a picture's file, of which only what is asked for is read. No LibTorch here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace vision {

/// Bytes by their places in a file: in memory already, or read a little at a time where they are looked at. One thread
/// at a time. Errors are std::runtime_error without the file's path.
class ImageBytes {
 public:
  /// A whole file's bytes, which have to outlive this.
  explicit ImageBytes(std::string_view all) : size_(all.size()), here_(all) {}

  /// A file, open as long as this lives. Throws where it cannot be opened.
  static ImageBytes of_file(const std::filesystem::path& path);
  ~ImageBytes();
  ImageBytes(const ImageBytes&) = delete;
  ImageBytes& operator=(const ImageBytes&) = delete;

  size_t size() const { return size_; }

  /// The `count` bytes at `at`, which have to lie within the file; valid until the next call. Throws where the file
  /// cannot be read.
  std::string_view text(size_t at, size_t count) {
    if (at < first_ || at + count > first_ + here_.size()) read(at, count);
    return here_.substr(at - first_, count);
  }

  /// The place of the first such byte from `at` on; size() where there is none.
  size_t find(char byte, size_t at);

 private:
  ImageBytes(int descriptor, size_t size) : size_(size), descriptor_(descriptor) {}
  void read(size_t at, size_t count);

  size_t size_ = 0;
  size_t first_ = 0;       // place of
  std::string_view here_;  // what is at hand
  std::string buffer_;     // of a file
  int descriptor_ = -1;
};

}  // namespace vision
