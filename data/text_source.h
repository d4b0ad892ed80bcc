// The bytes of a file, plain or gzip, through a bounded buffer; and how JSON parsers read them.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <exception>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace data {

/// Unpacks as it reads. Throws std::runtime_error of one line with the path where the file is missing, a folder, empty,
/// cannot be read, or its compressed data is truncated or damaged.
class TextSource {
 public:
  explicit TextSource(std::filesystem::path path);

  /// Whether no byte is left.
  bool at_end() { return at_ == end_ && !fill(); }
  char peek() const { return *at_; }
  void skip() { ++at_; }

  /// How many bytes have been consumed: the position, counted from 1, of the last one.
  size_t position() const { return before_ + static_cast<size_t>(at_ - buffer_.data()); }
  /// "(byte 17)", or where the file is packed "(byte 17 of the unpacked text)".
  std::string place(size_t position) const;
  std::string place() const { return place(position()); }
  const std::filesystem::path& path() const { return path_; }

  /// Throws `PATH: WHAT`.
  [[noreturn]] void fail(const std::string& what) const;
  /// Throws the one line for what nlohmann's parser found wrong with the last byte it consumed.
  [[noreturn]] void fail_json(const std::exception& error) const;

  struct Iterator;
  Iterator begin();
  Iterator end();

 private:
  bool fill();

  std::filesystem::path path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  std::vector<char> buffer_;
  char* at_;
  char* end_;
  size_t before_ = 0;   // bytes before the buffer's first
  bool ended_ = false;  // a byte beyond the last was asked for
};

/// An input iterator for nlohmann::json's parsers; all copies consume the same source.
struct TextSource::Iterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  TextSource* source;

  char operator*() const { return source->peek(); }
  Iterator& operator++() {
    source->skip();
    return *this;
  }
  bool operator==(const Iterator&) const { return source->at_end(); }
  bool operator!=(const Iterator&) const { return !source->at_end(); }
};

inline TextSource::Iterator TextSource::begin() { return {this}; }
inline TextSource::Iterator TextSource::end() { return {this}; }

}  // namespace data
