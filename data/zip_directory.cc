#include "data/zip_directory.h"

#include <optional>
#include <utility>

#include "data/printable.h"

namespace data {
namespace {

// The records begin with these numbers and have at least these sizes.
constexpr uint64_t kEnd = 0x06054b50;
constexpr size_t kEndSize = 22;
constexpr uint64_t kEnd64Locator = 0x07064b50;
constexpr size_t kEnd64LocatorSize = 20;
constexpr uint64_t kEnd64 = 0x06064b50;
constexpr size_t kEnd64Size = 56;
constexpr uint64_t kEntry = 0x02014b50;
constexpr size_t kEntrySize = 46;
constexpr uint64_t kLocal = 0x04034b50;
constexpr size_t kLocalSize = 30;
constexpr uint64_t kExtra64 = 1;
constexpr uint64_t kIn64 = 0xffffffff;  // the number is too large for its field: zip64 has it elsewhere

/// The number of `count` bytes at `at`, which must lie within `bytes`.
uint64_t number(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Whether `bytes` hold, at `at`, a record of at least `size` bytes that begins with `signature`.
bool has_record(std::string_view bytes, uint64_t at, uint64_t signature, size_t size) {
  return at <= bytes.size() && bytes.size() - at >= size && number(bytes, at, 4) == signature;
}

/// The end record: the last thing in the file but for a comment of at most 65,535 bytes, whose length it holds.
std::optional<size_t> find_end(std::string_view bytes) {
  for (size_t comment = 0; comment <= 0xffff && comment + kEndSize <= bytes.size(); ++comment) {
    const size_t at = bytes.size() - kEndSize - comment;
    if (has_record(bytes, at, kEnd, kEndSize) && number(bytes, at + 20, 2) == comment) return at;
  }
  return std::nullopt;
}

/// The extra field of zip64: the large numbers among a header's, in their order.
std::string_view find_extra64(std::string_view extra) {
  while (extra.size() >= 4) {
    const size_t size = number(extra, 2, 2);
    if (size > extra.size() - 4) return {};
    if (number(extra, 0, 2) == kExtra64) return extra.substr(4, size);
    extra.remove_prefix(4 + size);
  }
  return {};
}

}  // namespace

ZipDirectory::ZipDirectory(std::shared_ptr<const FileMapping> mapping) : mapping_(std::move(mapping)) {
  const std::string_view bytes = mapping_->bytes();
  const std::optional<size_t> end = find_end(bytes);
  if (!end) mapping_->fail("is truncated: its zip directory, which is at the end, is missing");
  uint64_t count = number(bytes, *end + 10, 2);
  uint64_t size = number(bytes, *end + 12, 4);
  uint64_t begin = number(bytes, *end + 16, 4);
  if (*end >= kEnd64LocatorSize && has_record(bytes, *end - kEnd64LocatorSize, kEnd64Locator, kEnd64LocatorSize)) {
    const uint64_t at = number(bytes, *end - kEnd64LocatorSize + 8, 8);
    if (!has_record(bytes, at, kEnd64, kEnd64Size)) mapping_->fail("its zip directory is damaged");
    count = number(bytes, at + 32, 8);
    size = number(bytes, at + 40, 8);
    begin = number(bytes, at + 48, 8);
  }
  if (begin > *end || size > *end - begin || count > size / kEntrySize) mapping_->fail("its zip directory is damaged");
  read_entries({begin, size}, count);
}

void ZipDirectory::read_entries(Bytes directory, uint64_t count) {
  std::string_view rest = mapping_->bytes().substr(directory.begin, directory.size);
  for (; count > 0; --count) {
    if (!has_record(rest, 0, kEntry, kEntrySize)) mapping_->fail("its zip directory is damaged");
    const size_t name_size = number(rest, 28, 2);
    const size_t extra_size = number(rest, 30, 2);
    const size_t whole = kEntrySize + name_size + extra_size + number(rest, 32, 2);
    if (whole > rest.size()) mapping_->fail("its zip directory is damaged");
    Entry entry;
    entry.size = number(rest, 24, 4);
    entry.packed = number(rest, 20, 4);
    entry.header = number(rest, 42, 4);
    std::string_view large = find_extra64(rest.substr(kEntrySize + name_size, extra_size));
    for (uint64_t* field : {&entry.size, &entry.packed, &entry.header}) {
      if (*field != kIn64) continue;
      if (large.size() < 8) mapping_->fail("its zip directory is damaged");
      *field = number(large, 0, 8);
      large.remove_prefix(8);
    }
    const bool encrypted = number(rest, 8, 2) % 2 == 1;
    entry.plain = number(rest, 10, 2) == 0 && !encrypted && entry.size == entry.packed;
    const std::string name(rest.substr(kEntrySize, name_size));
    if (!entries_.emplace(name, entry).second) mapping_->fail("holds '" + printable(name) + "' twice");
    rest.remove_prefix(whole);
  }
}

std::string ZipDirectory::find_ending(std::string_view ending) const {
  std::string best;
  for (const auto& [name, entry] : entries_) {
    if (name.ends_with(ending) && (best.empty() || name.size() < best.size())) best = name;
  }
  return best;
}

ZipDirectory::Bytes ZipDirectory::at(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) mapping_->fail("lacks the entry '" + printable(name) + "'");
  const Entry& entry = found->second;
  const std::string which = "its entry '" + printable(name) + "' ";
  if (!entry.plain) mapping_->fail(which + "is packed or encrypted; PyTorch stores it as it is: save the file anew");
  const std::string_view bytes = mapping_->bytes();
  if (!has_record(bytes, entry.header, kLocal, kLocalSize)) mapping_->fail(which + "is not where its directory says");
  const size_t name_size = number(bytes, entry.header + 26, 2);
  const uint64_t begin = entry.header + kLocalSize + name_size + number(bytes, entry.header + 28, 2);
  if (bytes.substr(entry.header + kLocalSize, name_size) != name) {
    mapping_->fail(which + "is not where its directory says");
  }
  if (begin > bytes.size() || entry.size > bytes.size() - begin) mapping_->fail(which + "reaches beyond the file");
  return {begin, entry.size};
}

std::string_view ZipDirectory::text(const std::string& name) const {
  const Bytes place = at(name);
  return mapping_->bytes().substr(place.begin, place.size);
}

}  // namespace data
