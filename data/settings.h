// Settings looked up and refused in one wording: "FIELD: VALUE; allowed is ...", with the field spelt as its flag.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
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

/// The numbers that a setting may be.
template <class Number>
struct Range {
  Number least;
  std::optional<Number> most = {};
  bool above_least = false, below_most = false;  // where the bound itself is refused

  /// False for what is no number.
  constexpr bool holds(Number value) const {
    return (above_least ? value > least : value >= least) && (!most || (below_most ? value < *most : value <= *most));
  }

  /// "1 to 8", "1 or more", "above 0" or "0 up to but not including 1".
  std::string text() const {
    std::ostringstream text;
    text << (above_least ? "above " : "") << least;
    if (most) text << (below_most ? " up to but not including " : " to ") << *most;
    if (!most && !above_least) text << " or more";
    return text.str();
  }
};

/// Of a dropout's probability and Adam's decay rates.
inline constexpr Range<double> kBelowOne{.least = 0, .most = 1, .below_most = true};

/// Throws as refuse_value for a value out of the range.
template <class Number, class Bound>
void check_value(std::string_view field, Number value, const Range<Bound>& range) {
  if (!range.holds(static_cast<Bound>(value))) refuse_value(field, value, range.text());
}

inline void check_at_least(std::string_view field, int64_t value, int64_t least) {
  check_value(field, value, Range<int64_t>{.least = least});
}

inline void check_range(std::string_view field, int64_t value, int64_t least, int64_t most) {
  check_value(field, value, Range<int64_t>{.least = least, .most = most});
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
