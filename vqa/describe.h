// What a bundle or a tensor file is, in words: `vqa info`.
#pragma once

#include <filesystem>
#include <string>

namespace vqa {

/// Lines about a bundle's folder (settings, answers, parameters by part, how far it was trained) or about a file of
/// weights in any format of data/tensor_file.h (names, types, shapes). Throws std::runtime_error where `path` is
/// neither.
std::string describe(const std::filesystem::path& path);

}  // namespace vqa
