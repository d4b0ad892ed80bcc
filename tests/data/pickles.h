// Pickles, and files as torch.save writes them, put together byte by byte: what an attacker could write.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pickles {

/// A number's bytes, little endian.
inline std::string bytes_of(uint64_t value, size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

// Values.
inline std::string text(const std::string& value) {
  std::string all(1, 'X');  // "X" + ...: g++ 12 warns of what cannot happen
  return all.append(bytes_of(value.size(), 4)).append(value);
}
inline std::string number(int64_t value) { return "\x8a\x08" + bytes_of(static_cast<uint64_t>(value), 8); }
inline std::string name(const std::string& module, const std::string& attribute) {
  return "c" + module + "\n" + attribute + "\n";
}
inline std::string tuple(const std::vector<std::string>& items) {
  std::string all = "(";
  for (const std::string& item : items) all += item;
  return all + "t";
}
inline std::string numbers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (const int64_t value : values) items.push_back(number(value));
  return tuple(items);
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string all = "}(";
  for (const auto& [key, value] : entries) all.append(text(key)).append(value);
  return all + "u";
}
inline std::string call(const std::string& callee, const std::string& arguments) { return callee + arguments + "R"; }

inline std::string storage(const std::string& key, int64_t elements, const std::string& type = "FloatStorage") {
  return tuple({text("storage"), name("torch", type), text(key), text("cpu"), number(elements)}) + "Q";
}
struct View {
  int64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};
inline std::string tensor(const std::string& of_storage, const View& view) {
  return call(name("torch._utils", "_rebuild_tensor_v2"),
              tuple({of_storage, number(view.offset), numbers(view.sizes), numbers(view.strides), "\x89",
                     call(name("collections", "OrderedDict"), ")")}));
}

/// A whole pickle of protocol 2.
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

/// What torch.save wrote before 1.6; a storage is its key and its bytes with the number of elements before them.
inline std::string old_file(const std::string& value,
                            const std::vector<std::pair<std::string, std::string>>& storages) {
  std::string keys = "](";
  for (const auto& storage : storages) keys += text(storage.first);
  std::string file = pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19") + pickle(number(1001)) +
                     pickle(dict({{"little_endian", "\x88"}})) + pickle(value) + pickle(keys + "e");
  for (const auto& storage : storages) file += storage.second;
  return file;
}

/// What the directory of a zip archive says of an entry; changed, a lie.
struct ZipEntry {
  std::string name;
  std::string content;
  uint64_t method = 0;
  uint64_t claimed_size = ~uint64_t{0};  // its own size
};

/// A zip archive of entries stored as they are; sizes that need it stand in zip64's extra field.
inline std::string zip(const std::vector<ZipEntry>& entries) {
  std::string file;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const uint64_t size = entry.claimed_size == ~uint64_t{0} ? entry.content.size() : entry.claimed_size;
    const bool large = size >= 0xffffffff;
    const std::string extra = large ? bytes_of(1, 2) + bytes_of(16, 2) + bytes_of(size, 8) + bytes_of(size, 8) : "";
    const uint64_t short_size = large ? 0xffffffff : size;
    const std::string common = bytes_of(entry.method, 2) + bytes_of(0, 8) + bytes_of(short_size, 4) +
                               bytes_of(short_size, 4) + bytes_of(entry.name.size(), 2);
    directory += "PK\x01\x02" + bytes_of(0, 6) + common + bytes_of(extra.size(), 2) + bytes_of(0, 10) +
                 bytes_of(file.size(), 4) + entry.name + extra;
    file += "PK\x03\x04" + bytes_of(0, 4) + common + bytes_of(0, 2) + entry.name + entry.content;
  }
  const std::string end = "PK\x05\x06" + bytes_of(0, 4) + bytes_of(entries.size(), 2) + bytes_of(entries.size(), 2) +
                          bytes_of(directory.size(), 4) + bytes_of(file.size(), 4) + bytes_of(0, 2);
  return file + directory + end;
}

/// What torch.save writes: the pickle of `value`, and storages by key.
inline std::string torch_file(const std::string& value, const std::map<std::string, std::string>& storages) {
  std::vector<ZipEntry> entries{{"archive/data.pkl", pickle(value)}};
  for (const auto& [key, content] : storages) entries.push_back({"archive/data/" + key, content});
  return zip(entries);
}

}  // namespace pickles
