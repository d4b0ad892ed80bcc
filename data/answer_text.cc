#include "data/answer_text.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/unicode.h"

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

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A byte that begins no character stands for itself.
Character character_or_byte_at(std::string_view text, size_t at) {
  const Character c = character_at(text, at);
  return c.size > 0 ? c : Character{c.code, 1};
}

std::vector<std::string> lower_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const Character c = character_or_byte_at(text, at);
    const bool space = is_space(c.code);
    if (!space && !inside) words.emplace_back();
    inside = !space;
    if (const char32_t small = lower(c.code); space) {
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
    const Character c = character_or_byte_at(answer, at);
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
