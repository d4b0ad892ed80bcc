// What identifies a file of weights.
#pragma once

#include <filesystem>
#include <string>

namespace data {

/// The SHA-256 (FIPS 180-4) of a file's bytes as 64 lower-case hexadecimal digits. Throws std::runtime_error with the
/// path where the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace data
