// What identifies weights.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

namespace data {

/// SHA-256 (FIPS 180-4) of bytes that come in parts.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* bytes, size_t size);

  /// Of all bytes so far, as 64 lower-case hexadecimal digits; called once, at the end.
  std::string digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Sha256 of a file's bytes. Throws std::runtime_error with the path where the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace data
