// Tensor files in the safetensors format (https://github.com/huggingface/safetensors, format section of its README):
// an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "data/file_mapping.h"
#include "data/tensor_file.h"

namespace data {

/// Whether a file begins as this format does: with its header's length, and the header's first brace.
bool is_safetensors(std::string_view bytes);

/// Reads a safetensors file. The tensors are views of a private mapping of the file, so that opening costs no copy and
/// writing to them does not change the file. Throws std::runtime_error with path and reason where the file is
/// truncated, its header is no JSON of the right shape, or a tensor's offsets do not fit its shape or the file.
TensorFile read_safetensors(const std::filesystem::path& path);
TensorFile read_safetensors(const std::shared_ptr<FileMapping>& mapping);

/// Writes tensors (made contiguous, brought to the CPU) atomically. Throws std::runtime_error with the path.
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace data
