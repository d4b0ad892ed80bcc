// What a bundle or a tensor file is, in words: `vqa info`.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace vqa {

/// Lines about a bundle's folder (version, settings, answers, parameters by part, how far it was trained) or about a
/// safetensors file (names, types, shapes). Throws std::runtime_error where `path` is neither.
std::string describe(const std::filesystem::path& path);

/// The numbers a module holds in its parameters, buffers not counted.
int64_t parameter_count(const torch::nn::Module& module);

}  // namespace vqa
