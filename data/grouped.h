// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace data {

/// 443757 -> "443,757". For numbers from 0.
inline std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

}  // namespace data
