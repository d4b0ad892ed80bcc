#include "text/albert_text.h"

#include <algorithm>

#include "data/unicode.h"

namespace text {
namespace {

/// Python's " ".join(text.split()).
std::string squeezed(std::string_view text) {
  std::string result;
  bool pending = false;  // a blank that stands only where another word follows
  for (size_t at = 0; at < text.size();) {
    const data::Character character = data::character_at(text, at);
    const size_t size = std::max<size_t>(character.size, 1);
    if (data::is_space(character.code)) {
      pending = !result.empty();
    } else {
      if (pending) result += ' ';
      pending = false;
      result.append(text.substr(at, size));
    }
    at += size;
  }
  return result;
}

/// Each pair of `mark` made a double quote, from the left.
std::string with_double_quotes(std::string_view text, char mark) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool pair = text[at] == mark && at + 1 < text.size() && text[at + 1] == mark;
    result += pair ? '"' : text[at];
    if (pair) ++at;
  }
  return result;
}

std::string without_accents(std::string_view text) {
  const std::string decomposed = data::decompose(text);
  std::string result;
  for (size_t at = 0; at < decomposed.size();) {
    const data::Character character = data::character_at(decomposed, at);
    if (!data::is_combining(character.code)) data::append(result, character.code);
    at += character.size;
  }
  return result;
}

}  // namespace

std::string albert_text(std::string_view question, const TokenizerOptions& options) {
  // Hugging Face lowers twice: NFKD undoes it for a few characters, and makes others of small letters than of capitals.
  std::string text = squeezed(options.lower_case ? data::lower(question) : std::string(question));
  for (const char mark : {'`', '\''}) text = with_double_quotes(text, mark);
  if (!options.keep_accents) text = without_accents(text);
  return options.lower_case ? data::lower(text) : text;
}

}  // namespace text
