#include "text/clean.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

#include "data/unicode.h"

namespace text {
namespace {

bool is_removed(char32_t c) {
  return c < 0x80 && c != 0 && std::string_view(".,'!?\"()*#:;").find(static_cast<char>(c)) != std::string_view::npos;
}

}  // namespace

void check_question(std::string_view question) {
  int64_t characters = 0;
  bool blank = true;
  for (size_t at = 0; at < question.size(); ++characters) {
    const data::Character character = data::character_at(question, at);
    if (character.size == 0) {
      std::array<char, 8> byte{};
      std::snprintf(byte.data(), byte.size(), "0x%02X", static_cast<unsigned char>(question[at]));
      throw std::runtime_error("the question is not UTF-8: byte " + std::string(byte.data()) + " at position " +
                               std::to_string(at) + "; convert it to UTF-8");
    }
    blank = blank && data::is_space(character.code);
    at += character.size;
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
    const data::Character character = data::character_at(question, at);
    at += std::max<size_t>(character.size, 1);  // a wrong byte becomes the replacement character: this never fails
    if (data::is_space(character.code) || character.code == '-' || character.code == '/') {
      end_word();
    } else if (!is_removed(character.code)) {
      data::append(word, data::lower(character.code));
    }
  }
  end_word();
  return words;
}

}  // namespace text
