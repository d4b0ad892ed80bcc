// Tensor files in the safetensors format (https://github.com/huggingface/safetensors, format section of its README):
// an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>

namespace data {

/// Named tensors on the CPU, and the file's free text under `__metadata__`.
struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor called `name`. Throws std::out_of_range naming it.
  const torch::Tensor& at(const std::string& name) const;
};

/// Reads a safetensors file. The tensors are views of a private mapping of the file, so that opening costs no copy and
/// writing to them does not change the file. Throws std::runtime_error with path and reason where the file is
/// truncated, its header is no JSON of the right shape, or a tensor's offsets do not fit its shape or the file.
TensorFile read_safetensors(const std::filesystem::path& path);

/// Writes tensors (made contiguous, brought to the CPU) atomically. Throws std::runtime_error with the path.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace data
