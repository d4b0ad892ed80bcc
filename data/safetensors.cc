#include "data/safetensors.h"

#include <array>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>

#include "data/atomic_file.h"
#include "data/mapped_tensor.h"
#include "data/printable.h"

namespace data {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// The names the format gives to element types.
constexpr std::array<std::pair<std::string_view, torch::ScalarType>, 12> kTypes{{
    {"F64", torch::kFloat64},
    {"F32", torch::kFloat32},
    {"F16", torch::kFloat16},
    {"BF16", torch::kBFloat16},
    {"I64", torch::kInt64},
    {"I32", torch::kInt32},
    {"I16", torch::kInt16},
    {"I8", torch::kInt8},
    {"U8", torch::kUInt8},
    {"BOOL", torch::kBool},
    {"F8_E4M3", torch::kFloat8_e4m3fn},
    {"F8_E5M2", torch::kFloat8_e5m2},
}};

// The format's own limit on its header.
constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxName = 1000;  // as for pickles: nobody's names are longer, and searching them takes its time

json read_header(const FileMapping& mapping) {
  uint64_t length = 0;
  if (mapping.size() < sizeof(length)) mapping.fail("is truncated: no safetensors header");
  std::memcpy(&length, mapping.begin(), sizeof(length));
  if (length > kMaxHeader) {
    mapping.fail("is no safetensors file: its header claims " + std::to_string(length) + " bytes");
  }
  const std::string_view rest = mapping.bytes().substr(sizeof(length));
  if (length > rest.size()) mapping.fail("is truncated inside its header");
  json header = json::parse(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(length), nullptr, false);
  if (!header.is_object()) mapping.fail("is no safetensors file: its header is not a JSON object");
  return header;
}

torch::Tensor view(const std::string& name, const json& entry, const std::shared_ptr<FileMapping>& mapping,
                   size_t data_begin) {
  const std::string where = "tensor '" + printable(name) + "'";
  if (name.size() > kMaxName) mapping->fail(where + " has a name of " + std::to_string(name.size()) + " bytes");
  std::vector<int64_t> shape;
  std::array<uint64_t, 2> offsets{};
  std::string type_name;
  try {
    type_name = entry.at("dtype").get<std::string>();
    shape = entry.at("shape").get<std::vector<int64_t>>();
    offsets = entry.at("data_offsets").get<std::array<uint64_t, 2>>();
  } catch (const json::exception&) {
    mapping->fail(where + " lacks a valid dtype, shape or data_offsets");
  }
  const auto* type = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& t) { return t.first == type_name; });
  if (type == kTypes.end()) mapping->fail(where + " has the unknown dtype " + printable(type_name));

  const std::optional<int64_t> elements = element_count(shape);
  const uint64_t element_size = torch::elementSize(type->second);
  uint64_t bytes = 0;
  if (!elements || __builtin_mul_overflow(static_cast<uint64_t>(*elements), element_size, &bytes)) {
    mapping->fail(where + " has an impossible shape");
  }
  if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes) {
    mapping->fail(where + ": its offsets do not fit its shape");
  }
  if (offsets[1] > mapping->size() - data_begin) mapping->fail("is truncated inside " + where);
  return mapped_bytes(mapping, data_begin + offsets[0], bytes, element_size).view(type->second).view(shape);
}

}  // namespace

bool is_safetensors(std::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() <= sizeof(length)) return false;
  std::memcpy(&length, bytes.data(), sizeof(length));
  return length <= kMaxHeader && bytes[sizeof(length)] == '{';
}

TensorFile read_safetensors(const fs::path& path) { return read_safetensors(std::make_shared<FileMapping>(path)); }

TensorFile read_safetensors(const std::shared_ptr<FileMapping>& mapping) {
  const json header = read_header(*mapping);
  uint64_t length = 0;
  std::memcpy(&length, mapping->begin(), sizeof(length));

  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) mapping->fail("metadata '" + printable(key) + "' is not a string");
        file.metadata[key] = value.get<std::string>();
      }
    } else {
      file.tensors[name] = view(name, entry, mapping, sizeof(length) + length);
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
    if (type == kTypes.end()) {
      throw std::runtime_error(path.string() + ": tensor '" + name + "' has a type that safetensors cannot hold");
    }
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
