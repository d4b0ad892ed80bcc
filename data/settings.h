// Settings looked up and refused in one wording: "FIELD: VALUE; allowed is ...", with the field spelt as its flag.
#pragma once

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace data {

/// "A, B, C".
inline std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

/// Throws std::invalid_argument "FIELD: 'NAME'; allowed are A, B, C".
[[noreturn]] inline void refuse_name(std::string_view field, std::string_view name,
                                     const std::vector<std::string>& allowed) {
  throw std::invalid_argument(std::string(field) + ": '" + std::string(name) + "'; allowed are " + listed(allowed));
}

/// Throws as refuse_name unless `name` is one of `allowed`.
inline void check_name(std::string_view field, std::string_view name, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) refuse_name(field, name, allowed);
}

/// Throws std::invalid_argument "FIELD: VALUE; allowed is ALLOWED".
template <class Number>
[[noreturn]] void refuse_value(std::string_view field, Number value, std::string_view allowed) {
  std::ostringstream message;
  message << field << ": " << value << "; allowed is " << allowed;
  throw std::invalid_argument(message.str());
}

/// Throws as refuse_value for a value below `least`.
inline void check_at_least(std::string_view field, int64_t value, int64_t least) {
  if (value < least) refuse_value(field, value, std::to_string(least) + " or more");
}

/// Throws as refuse_value for a value below `least` or above `most`.
inline void check_range(std::string_view field, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return;
  refuse_value(field, value, std::to_string(least) + " to " + std::to_string(most));
}

/// The `name` of each entry.
template <class Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.emplace_back(entry.name);
  return names;
}

/// The entry whose `name` this is. Throws as refuse_name.
template <class Entries>
const auto& find_named(std::string_view field, std::string_view name, const Entries& entries) {
  for (const auto& entry : entries) {
    if (entry.name == name) return entry;
  }
  refuse_name(field, name, names_of(entries));
}

}  // namespace data
