// The directory of a zip archive, with zip64 (PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3). Only entries that are
// stored as they are can be had: those can be looked at where they lie.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "data/file_mapping.h"

namespace data {

class ZipDirectory {
 public:
  /// A run of bytes of the file.
  struct Bytes {
    size_t begin = 0;
    size_t size = 0;
  };

  /// Reads the directory. Throws std::runtime_error of one line with the path where the archive is truncated or
  /// damaged.
  explicit ZipDirectory(std::shared_ptr<const FileMapping> mapping);

  bool contains(const std::string& name) const { return entries_.contains(name); }
  /// The entry with the shortest name that ends so; "" where none does.
  std::string find_ending(std::string_view ending) const;
  /// Where an entry's bytes are: within the file. Throws std::runtime_error of one line with the path where there is no
  /// such entry, it is packed or encrypted, or what the directory says of it cannot be.
  Bytes at(const std::string& name) const;
  /// The same, as text.
  std::string_view text(const std::string& name) const;

 private:
  struct Entry {
    uint64_t header = 0;  // the place of its own header
    uint64_t packed = 0;  // its size in the file
    uint64_t size = 0;
    bool plain = false;
  };
  void read_entries(Bytes directory, uint64_t count);

  std::shared_ptr<const FileMapping> mapping_;
  std::map<std::string, Entry> entries_;
};

}  // namespace data
