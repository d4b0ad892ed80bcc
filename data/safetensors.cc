#include "data/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "data/atomic_file.h"

namespace data {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// The names the format gives to element types.
constexpr std::array<std::pair<std::string_view, torch::ScalarType>, 9> kTypes{{
    {"F64", torch::kFloat64},
    {"F32", torch::kFloat32},
    {"F16", torch::kFloat16},
    {"BF16", torch::kBFloat16},
    {"I64", torch::kInt64},
    {"I32", torch::kInt32},
    {"I8", torch::kInt8},
    {"U8", torch::kUInt8},
    {"BOOL", torch::kBool},
}};

// The format's own limit on its header.
constexpr uint64_t kMaxHeader = 100'000'000;

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

/// A private, writable mapping of a whole file, unmapped when the last tensor that views it goes.
struct Mapping {
  char* bytes = nullptr;
  size_t size = 0;

  explicit Mapping(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail(path, std::string("cannot be read: ") + std::strerror(errno));
    struct stat status {};
    ::fstat(descriptor, &status);
    size = static_cast<size_t>(status.st_size);
    void* at = S_ISREG(status.st_mode) && size > 0
                   ? ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
                   : MAP_FAILED;
    ::close(descriptor);
    if (at == MAP_FAILED) fail(path, size == 0 ? "is empty, not a safetensors file" : "cannot be mapped into memory");
    bytes = static_cast<char*>(at);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (bytes != nullptr) ::munmap(bytes, size);
  }
};

json read_header(const fs::path& path, const Mapping& mapping) {
  uint64_t length = 0;
  if (mapping.size < sizeof(length)) fail(path, "is truncated: no safetensors header");
  std::memcpy(&length, mapping.bytes, sizeof(length));
  if (length > kMaxHeader) fail(path, "is no safetensors file: its header claims " + std::to_string(length) + " bytes");
  if (length > mapping.size - sizeof(length)) fail(path, "is truncated inside its header");
  json header = json::parse(mapping.bytes + sizeof(length), mapping.bytes + sizeof(length) + length, nullptr, false);
  if (!header.is_object()) fail(path, "is no safetensors file: its header is not a JSON object");
  return header;
}

torch::Tensor view(const fs::path& path, const std::string& name, const json& entry,
                   const std::shared_ptr<Mapping>& mapping, size_t data_begin) {
  const std::string where = "tensor '" + name + "'";
  std::vector<int64_t> shape;
  std::array<uint64_t, 2> offsets{};
  std::string type_name;
  try {
    type_name = entry.at("dtype").get<std::string>();
    shape = entry.at("shape").get<std::vector<int64_t>>();
    offsets = entry.at("data_offsets").get<std::array<uint64_t, 2>>();
  } catch (const json::exception&) {
    fail(path, where + " lacks a valid dtype, shape or data_offsets");
  }
  const auto* type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.first == type_name; });
  if (type == kTypes.end()) fail(path, where + " has the unknown dtype " + type_name);

  uint64_t bytes = torch::elementSize(type->second);
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes)) {
      fail(path, where + " has an impossible shape");
    }
  }
  if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes) {
    fail(path, where + ": its offsets do not fit its shape");
  }
  if (offsets[1] > mapping->size - data_begin) fail(path, "is truncated inside " + where);
  char* at = mapping->bytes + data_begin + offsets[0];
  return torch::from_blob(
      at, shape, [mapping](void*) {}, torch::TensorOptions(type->second));
}

}  // namespace

const torch::Tensor& TensorFile::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::out_of_range("no tensor is called '" + name + "'");
  return found->second;
}

TensorFile read_safetensors(const fs::path& path) {
  const auto mapping = std::make_shared<Mapping>(path);
  const json header = read_header(path, *mapping);
  uint64_t length = 0;
  std::memcpy(&length, mapping->bytes, sizeof(length));

  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) fail(path, "metadata '" + key + "' is not a string");
        file.metadata[key] = value.get<std::string>();
      }
    } else {
      file.tensors[name] = view(path, name, entry, mapping, sizeof(length) + length);
    }
  }
  return file;
}

void write_safetensors(const fs::path& path, const TensorFile& file) {
  json header = json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::vector<torch::Tensor> tensors;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    const torch::Tensor plain = tensor.detach().to(torch::kCPU).contiguous();
    const auto* type =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.second == plain.scalar_type(); });
    if (type == kTypes.end()) fail(path, "tensor '" + name + "' has a type that safetensors cannot hold");
    const uint64_t end = offset + plain.nbytes();
    header[name] = {{"dtype", type->first}, {"shape", plain.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
    tensors.push_back(plain);
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the format pads with spaces, so that the tensors are aligned
  const uint64_t length = text.size();

  AtomicFile out(path);
  out.write(&length, sizeof(length));
  out.write(text);
  for (const torch::Tensor& tensor : tensors) out.write(tensor.data_ptr(), tensor.nbytes());
  out.commit();
}

}  // namespace data
