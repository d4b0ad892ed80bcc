#include "data/torch_file.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "data/mapped_tensor.h"
#include "data/pickle.h"
#include "data/printable.h"
#include "data/torch_pickle.h"
#include "data/zip_directory.h"

namespace data {
namespace {

constexpr size_t kAlignment = 16;  // of the widest element

// The old format begins with a pickle of this number, little endian, and one of its version.
constexpr std::string_view kMagic{"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10};
constexpr int64_t kStreamVersion = 1001;

bool is_tar(std::string_view bytes) {
  constexpr size_t kPlace = 257;
  return bytes.size() > kPlace && bytes.substr(kPlace).starts_with("ustar");
}

/// Storages by key, each mapped once.
class Storages {
 public:
  using Find = std::function<ZipDirectory::Bytes(const std::string& key)>;
  Storages(std::shared_ptr<FileMapping> mapping, Find find) : mapping_(std::move(mapping)), find_(std::move(find)) {}

  torch::Tensor at(const std::string& key) {
    const auto known = tensors_.find(key);
    if (known != tensors_.end()) return known->second;
    const ZipDirectory::Bytes place = find_(key);
    return tensors_[key] = mapped_bytes(mapping_, place.begin, place.size, kAlignment);
  }

 private:
  std::shared_ptr<FileMapping> mapping_;
  Find find_;
  std::map<std::string, torch::Tensor> tensors_;
};

TensorFile tensors_of(const Pickle& pickle, const std::shared_ptr<FileMapping>& mapping, const Storages::Find& find) {
  Storages storages(mapping, find);
  const TorchPickleOptions options{
      .source = mapping->path().string(),
      .file_bytes = static_cast<int64_t>(mapping->size()),
      .storage = [&](const StorageName& name) { return storages.at(name.key); },
  };
  return {.tensors = named_tensors(pickle, options)};
}

/// Reads pickles and storages one after another.
class Stream {
 public:
  explicit Stream(const FileMapping& mapping) : mapping_(mapping), source_(mapping.path().string()) {}

  Pickle pickle() {
    Pickle next = read_pickle(mapping_.bytes().substr(at_), source_, is_weights_name);
    at_ += next.size;
    return next;
  }

  /// The bytes of a storage whose number of elements stands before it.
  ZipDirectory::Bytes storage(const StorageName& name) {
    const std::string which = "its storage '" + printable(name.key) + "'";
    uint64_t elements = 0;
    uint64_t size = 0;
    if (mapping_.size() - at_ < sizeof(elements)) mapping_.fail("is truncated before " + which);
    std::memcpy(&elements, mapping_.begin() + at_, sizeof(elements));
    at_ += sizeof(elements);
    if (elements != static_cast<uint64_t>(name.elements)) {
      mapping_.fail(which + " has another size than its pickle says: the file is damaged");
    }
    if (__builtin_mul_overflow(elements, torch::elementSize(name.type), &size) || size > mapping_.size() - at_) {
      mapping_.fail("is truncated inside " + which);
    }
    at_ += size;
    return {at_ - size, size};
  }

 private:
  const FileMapping& mapping_;
  std::string source_;
  size_t at_ = 0;
};

void check_magic(const FileMapping& mapping, const Pickle& magic) {
  const auto* number = magic.root->as<PickleBigInteger>();
  if (number == nullptr || number->bytes != kMagic) mapping.fail("is a pickle, but none that torch.save wrote");
}

void check_version(const FileMapping& mapping, const Pickle& version) {
  const auto* number = version.root->as<int64_t>();
  if (number == nullptr || *number != kStreamVersion) {
    mapping.fail("is of an unknown version of torch.save's old format; known is " + std::to_string(kStreamVersion));
  }
}

void check_byte_order(const FileMapping& mapping, bool little) {
  if (!little) mapping.fail("was written on a big-endian machine; load it in PyTorch there and save it as safetensors");
}

/// What the third pickle says of the machine that wrote the file.
bool is_little_endian(const Pickle& machine) {
  const auto* facts = machine.root->as<PickleDict>();
  if (facts == nullptr) return false;
  for (const auto& [key, value] : facts->entries) {
    const auto* name = key->as<PickleString>();
    if (name != nullptr && name->text == "little_endian") return value->as<bool>() != nullptr && *value->as<bool>();
  }
  return false;
}

/// All storages a pickle names, used or not: the file holds them all.
std::map<std::string, StorageName> storage_names(const Pickle& pickle, const std::string& source) {
  std::map<std::string, StorageName> names;
  for (const PickleValue& value : pickle.values) {
    const auto* persistent = value.as<PicklePersistent>();
    if (persistent == nullptr) continue;
    StorageName name = storage_name(*persistent, source);
    names.emplace(name.key, name);
  }
  return names;
}

}  // namespace

bool is_torch_zip(std::string_view bytes) { return bytes.starts_with("PK\x03\x04"); }

bool is_torch_stream(std::string_view bytes) {
  // Protocols from 2 on say so. What is older may be hostile: it is looked at, so that it is refused for what it names.
  constexpr char kProtocol = '\x80';
  constexpr std::string_view kContainers = "(]})";
  if (bytes.empty()) return false;
  const std::string_view line = bytes.substr(1, bytes.find('\n') - 1);
  const bool name =
      bytes[0] == 'c' && line.size() + 1 < bytes.size() &&
      std::all_of(line.begin(), line.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; });
  return bytes[0] == kProtocol || name || kContainers.find(bytes[0]) != kContainers.npos || is_tar(bytes);
}

TensorFile read_torch_zip(const std::shared_ptr<FileMapping>& mapping) {
  constexpr std::string_view kPickle = "/data.pkl";
  const ZipDirectory directory(mapping);
  const std::string pickle_name = directory.find_ending(kPickle);
  if (pickle_name.empty()) {
    mapping->fail("is a zip archive, but none of PyTorch 1.4 or newer: it lacks data.pkl");
  }
  const std::string folder = pickle_name.substr(0, pickle_name.size() - kPickle.size() + 1);
  const std::string byte_order = folder + "byteorder";  // absent before 2.1
  check_byte_order(*mapping, !directory.contains(byte_order) || directory.text(byte_order) == "little");
  const bool script = directory.contains(folder + "constants.pkl");
  const auto is_allowed = [&](std::string_view name) {
    return is_weights_name(name) || (script && is_script_name(name));
  };
  const Pickle pickle = read_pickle(directory.text(pickle_name), mapping->path().string(), is_allowed);
  return tensors_of(pickle, mapping, [&](const std::string& key) { return directory.at(folder + "data/" + key); });
}

TensorFile read_torch_stream(const std::shared_ptr<FileMapping>& mapping) {
  if (is_tar(mapping->bytes())) {
    mapping->fail("is a tar archive, PyTorch's format before 0.1.10; load it in PyTorch and save its state_dict anew");
  }
  Stream stream(*mapping);
  check_magic(*mapping, stream.pickle());
  check_version(*mapping, stream.pickle());
  check_byte_order(*mapping, is_little_endian(stream.pickle()));
  const Pickle pickle = stream.pickle();
  const Pickle keys = stream.pickle();

  const std::map<std::string, StorageName> names = storage_names(pickle, mapping->path().string());
  std::map<std::string, ZipDirectory::Bytes> places;
  const auto* list = keys.root->as<PickleList>();
  if (list == nullptr) mapping->fail("has no list of storages: the file is damaged");
  for (const PickleValue* item : list->items) {
    const auto* key = item->as<PickleString>();
    const auto name = key == nullptr ? names.end() : names.find(key->text);
    if (name == names.end()) mapping->fail("lists a storage that its pickle does not name: the file is damaged");
    places[key->text] = stream.storage(name->second);
  }
  return tensors_of(pickle, mapping, [&](const std::string& key) {
    const auto place = places.find(key);
    if (place == places.end()) mapping->fail("lacks the storage '" + printable(key) + "'");
    return place->second;
  });
}

}  // namespace data
