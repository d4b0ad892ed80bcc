#include "data/answer_text.h"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace data {

namespace {

constexpr std::string_view kPunctuation = ";/[]\"{}()=+\\_-><@`,?!";

// The evaluator passes re.UNICODE, which is 32, where the function it calls takes the number of replacements.
constexpr int kMaxFullStops = 32;

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kNumbers{{{"none", "0"},
                                                                                  {"zero", "0"},
                                                                                  {"one", "1"},
                                                                                  {"two", "2"},
                                                                                  {"three", "3"},
                                                                                  {"four", "4"},
                                                                                  {"five", "5"},
                                                                                  {"six", "6"},
                                                                                  {"seven", "7"},
                                                                                  {"eight", "8"},
                                                                                  {"nine", "9"},
                                                                                  {"ten", "10"}}};

// The contractions that the evaluator knows: it restores one apostrophe where exactly one is missing.
constexpr std::string_view kContractions =
    "ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd "
    "he'd've "
    "he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't "
    "not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll "
    "somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd "
    "there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll "
    "what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's "
    "won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've";

using Replacements = std::unordered_map<std::string, std::string>;

/// What a word is replaced by after the articles have gone.
const Replacements& contractions() {
  static const Replacements all = [] {
    Replacements map;
    for (size_t begin = 0, end = 0; end != kContractions.npos; begin = end + 1) {
      end = kContractions.find(' ', begin);
      const std::string word(kContractions.substr(begin, end == kContractions.npos ? end : end - begin));
      for (size_t i = word.find('\''); i != word.npos; i = word.find('\'', i + 1)) {
        map.emplace(std::string(word).erase(i, 1), word);
      }
    }
    map["somebody'd"] = "somebodyd";  // the evaluator has this one the wrong way round
    return map;
  }();
  return all;
}

/// One character of UTF-8 text. A byte that begins no whole character stands for itself.
struct Character {
  wchar_t code = 0;
  size_t size = 1;  // in bytes
};

Character character_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  const size_t size = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size == 1 || at + size > text.size()) return {static_cast<wchar_t>(first < 0x80 ? first : 0xFFFD), 1};
  uint32_t code = first & (0x7FU >> size);
  for (size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3FU);
  return {static_cast<wchar_t>(code), size};
}

/// White space as Python's str has it.
bool is_space(wchar_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

wchar_t lower(wchar_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return unicode == nullptr ? c : static_cast<wchar_t>(towlower_l(static_cast<wint_t>(c), unicode));
}

void append(std::string& text, wchar_t c) {
  const auto code = static_cast<uint32_t>(c);
  const auto put = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xE0 | code >> 12);
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
    }
    put(0x80 | (code >> 6 & 0x3F));
  }
  put(0x80 | (code & 0x3F));
}

std::vector<std::string> lower_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    const bool space = is_space(c.code);
    if (!space && !inside) words.emplace_back();
    inside = !space;
    if (const wchar_t small = lower(c.code); space) {
    } else if (small == c.code) {
      words.back().append(text.substr(at, c.size));  // also bytes that are no UTF-8
    } else {
      append(words.back(), small);
    }
    at += c.size;
  }
  return words;
}

std::string remove_full_stops(const std::string& text) {
  std::string kept;
  int removed = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit_follows = i + 1 < text.size() && is_digit(text[i + 1]);
    if (text[i] == '.' && !digit_follows && removed < kMaxFullStops) {
      ++removed;
    } else {
      kept.push_back(text[i]);
    }
  }
  return kept;
}

}  // namespace

std::string strip_answer(std::string_view answer) {
  size_t begin = answer.size();
  size_t end = 0;
  for (size_t at = 0; at < answer.size();) {
    const Character c = character_at(answer, at);
    if (!is_space(c.code)) {
      begin = std::min(begin, at);
      end = at + c.size;
    }
    at += c.size;
  }
  std::string stripped(begin < end ? answer.substr(begin, end - begin) : std::string_view());
  for (char& c : stripped) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  return stripped;
}

std::string clean_punctuation(std::string_view answer) {
  std::array<bool, 128> beside_space{};
  bool comma_in_number = false;
  for (size_t i = 0; i < answer.size(); ++i) {
    const auto c = static_cast<unsigned char>(answer[i]);
    const char before = i > 0 ? answer[i - 1] : '\0';
    const char after = i + 1 < answer.size() ? answer[i + 1] : '\0';
    if (c < beside_space.size() && (before == ' ' || after == ' ')) beside_space[c] = true;
    if (c == ',' && is_digit(before) && is_digit(after)) comma_in_number = true;
  }
  std::string cleaned;
  for (const char c : answer) {
    if (kPunctuation.find(c) == kPunctuation.npos) {
      cleaned.push_back(c);
    } else if (!comma_in_number && !beside_space[static_cast<unsigned char>(c)]) {
      cleaned.push_back(' ');
    }
  }
  return remove_full_stops(cleaned);
}

std::string clean_words(std::string_view answer) {
  std::string cleaned;
  bool first = true;
  for (std::string& word : lower_words(answer)) {
    for (const auto& [name, digits] : kNumbers) {
      if (word == name) word = digits;
    }
    if (word == "a" || word == "an" || word == "the") continue;
    if (const auto found = contractions().find(word); found != contractions().end()) word = found->second;
    if (!std::exchange(first, false)) cleaned.push_back(' ');
    cleaned.append(word);
  }
  return cleaned;
}

std::string normalize_answer(std::string_view answer) { return clean_words(clean_punctuation(strip_answer(answer))); }

}  // namespace data
