// Small JSON files, read whole.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace data {

/// The tree of a JSON file, plain or gzip. Throws std::runtime_error of one line with path and byte (counted from 1, in
/// the unpacked text) where the file is missing, empty, truncated, no JSON or not UTF-8.
nlohmann::json read_json(const std::filesystem::path& path);

}  // namespace data
