// Characters of UTF-8 text, by the Unicode tables of utf8proc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace data {

struct Character {
  char32_t code = 0xFFFD;  // the replacement character where the bytes are none
  size_t size = 0;         // in bytes; 0 where the bytes are no character
};

/// The character that begins at byte `at` < text.size(). Overlong forms, surrogates and cut characters are none.
Character character_at(std::string_view text, size_t at);

/// What Python's str.isspace and str.split take for white space.
bool is_space(char32_t c);

/// Whether a character is a mark that goes with the one before it: of a combining class other than 0.
bool is_combining(char32_t c);

/// Whether a character is a decimal digit, of any script.
bool is_digit(char32_t c);

/// The lower-case letter of a letter; any other character itself.
char32_t lower(char32_t c);

/// UTF-8 text with every character in lower case, by itself: what is one character may become two (\u0130, as in
/// Python).
std::string lower(std::string_view text);

/// The compatibility decomposition (NFKD) of UTF-8 text.
std::string decompose(std::string_view text);

/// Appends a character as UTF-8.
void append(std::string& text, char32_t c);

}  // namespace data
