// Files for tests: unlike data::write_file without waiting for the disk.
#pragma once

#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::remove(path);  // some file systems wait for the disk where a file is truncated and written again
  std::ofstream(path, std::ios::binary) << text;
}

/// As gzip.
inline void write_packed(const std::filesystem::path& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
}
