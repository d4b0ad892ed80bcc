#include "data/tensor_file.h"

#include <array>
#include <memory>
#include <stdexcept>

#include "data/file_mapping.h"
#include "data/safetensors.h"
#include "data/torch_file.h"

namespace data {
namespace {

struct Format {
  bool (*recognises)(std::string_view bytes);
  TensorFile (*read)(const std::shared_ptr<FileMapping>& mapping);
};

constexpr std::array<Format, 3> kFormats{{
    {is_safetensors, read_safetensors},
    {is_torch_zip, read_torch_zip},
    {is_torch_stream, read_torch_stream},
}};

}  // namespace

const torch::Tensor& TensorFile::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw std::out_of_range("no tensor is called '" + name + "'");
  return found->second;
}

TensorFile read_tensors(const std::filesystem::path& path) {
  const auto mapping = std::make_shared<FileMapping>(path);
  for (const Format& format : kFormats) {
    if (format.recognises(mapping->bytes())) return format.read(mapping);
  }
  mapping->fail(
      "is no file of weights: it begins neither as safetensors nor as what torch.save or torch.jit.save write");
}

}  // namespace data
