// A whole file in memory, without reading it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace data {

/// A private, writable mapping of a whole file: only what is looked at is read, and writing to it changes memory, never
/// the file. Tensors that view it share its ownership, so that it is unmapped when the last of them goes.
class FileMapping {
 public:
  /// Throws std::runtime_error with the path where the file is missing, a folder, empty or cannot be mapped.
  explicit FileMapping(std::filesystem::path path);
  ~FileMapping();
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;

  const std::filesystem::path& path() const { return path_; }
  char* begin() const { return begin_; }
  size_t size() const { return size_; }
  std::string_view bytes() const { return {begin_, size_}; }

  /// Nobody needs these bytes for now: memory that they alone take is given back. What was written to them is lost;
  /// looked at again, they are the file's.
  void forget(size_t begin, size_t size) const noexcept;

  /// Counts bytes that are about to be copied. Throws std::runtime_error where all copies together are larger than the
  /// file: then its parts overlap, as no program writes them.
  void count_copy(size_t bytes);

  /// Throws std::runtime_error `PATH: WHAT`.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::filesystem::path path_;
  char* begin_ = nullptr;
  size_t size_ = 0;
  size_t copied_ = 0;
};

}  // namespace data
