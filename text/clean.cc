#include "text/clean.h"

#include <array>
#include <cstdio>
#include <stdexcept>

namespace text {
namespace {

/// One character of UTF-8; `length` 0 where the bytes are none.
struct Character {
  char32_t code = 0;
  size_t length = 0;
};

Character decode(std::string_view text, size_t at) {
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};  // by length: shorter forms are illegal
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xF8 ? 0 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 0;
  if (length == 0 || at + length > text.size()) return {};
  char32_t code = first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) return {};
    code = code << 6 | (next & 0x3F);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[length] || code > 0x10FFFF || surrogate) return {};
  return {code, length};
}

void append(char32_t code, std::string& text) {
  if (code < 0x80) {
    text += static_cast<char>(code);
    return;
  }
  const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // bytes after the first
  text += static_cast<char>((0xFF00 >> (tail + 1) & 0xFF) | code >> (6 * tail));
  for (int i = tail - 1; i >= 0; --i) text += static_cast<char>(0x80 | (code >> (6 * i) & 0x3F));
}

/// What Python's str.split takes for white space.
bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

char32_t lower(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 0x20;
  if (c < 0xC0) return c;
  if (c <= 0xDE) return c == 0xD7 ? c : c + 0x20;                        // Latin-1; D7 is the multiplication sign
  if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 0x20;           // Greek
  if (c >= 0x400 && c <= 0x42F) return c < 0x410 ? c + 0x50 : c + 0x20;  // Cyrillic
  const bool even_is_capital = (c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177);
  const bool odd_is_capital = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
  if ((even_is_capital && c % 2 == 0) || (odd_is_capital && c % 2 == 1)) return c + 1;  // Latin Extended-A
  return c;
}

bool is_removed(char32_t c) {
  return c < 0x80 && c != 0 && std::string_view(".,'!?\"()*#:;").find(static_cast<char>(c)) != std::string_view::npos;
}

}  // namespace

void check_question(std::string_view question) {
  int64_t characters = 0;
  bool blank = true;
  for (size_t at = 0; at < question.size(); ++characters) {
    const Character character = decode(question, at);
    if (character.length == 0) {
      std::array<char, 8> byte{};
      std::snprintf(byte.data(), byte.size(), "0x%02X", static_cast<unsigned char>(question[at]));
      throw std::runtime_error("the question is not UTF-8: byte " + std::string(byte.data()) + " at position " +
                               std::to_string(at) + "; convert it to UTF-8");
    }
    blank = blank && is_space(character.code);
    at += character.length;
  }
  if (blank) throw std::runtime_error("the question is empty; ask something");
  if (characters > kMaxQuestionCharacters) {
    throw std::runtime_error("the question has " + std::to_string(characters) + " characters; ask in at most " +
                             std::to_string(kMaxQuestionCharacters));
  }
}

std::vector<std::string> clean_words(std::string_view question) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t at = 0; at < question.size();) {
    Character character = decode(question, at);
    if (character.length == 0) character = {0xFFFD, 1};  // the replacement character: this function never fails
    at += character.length;
    if (is_space(character.code) || character.code == '-' || character.code == '/') {
      end_word();
    } else if (!is_removed(character.code)) {
      append(lower(character.code), word);
    }
  }
  end_word();
  return words;
}

}  // namespace text
