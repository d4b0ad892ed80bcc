// Text from files in one-line messages.
#pragma once

#include <string>
#include <string_view>

namespace data {

/// `text` with a '?' for every control character, and "..." for what is beyond the first 100 bytes.
inline std::string printable(std::string_view text) {
  constexpr size_t kMost = 100;
  std::string line(text.substr(0, kMost));
  for (char& byte : line) {
    if (static_cast<unsigned char>(byte) < ' ' || byte == '\x7f') byte = '?';
  }
  return text.size() > kMost ? line + "..." : line;
}

}  // namespace data
