// Named tensors in a file, whatever its format.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>

namespace data {

/// Named tensors on the CPU, and the file's free text (safetensors' `__metadata__`; none in other formats).
struct TensorFile {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> metadata;

  /// The tensor called `name`. Throws std::out_of_range naming it.
  const torch::Tensor& at(const std::string& name) const;
};

/// Reads a file of weights; its first bytes, not its name, tell the format: safetensors (data/safetensors.h), PyTorch's
/// zip and old formats or a TorchScript archive (data/torch_file.h). Tensors are views of a private mapping of the file
/// wherever it holds them aligned: reading costs no copy, and writing to them does not change the file. Throws
/// std::runtime_error of one line with the path for a file that is damaged, hostile or of another format.
TensorFile read_tensors(const std::filesystem::path& path);

}  // namespace data
