#include "data/unicode.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <tuple>

namespace data {
namespace {

TEST(Unicode, CharactersOfOneToFourBytes) {
  const std::string text = "a\u00E9\u65E5\U0001F992";
  for (const auto& [at, size, code] : {std::tuple<size_t, size_t, char32_t>{0, 1, U'a'},
                                       {1, 2, U'\u00E9'},
                                       {3, 3, U'\u65E5'},
                                       {6, 4, U'\U0001F992'}}) {
    EXPECT_EQ(character_at(text, at).code, code);
    EXPECT_EQ(character_at(text, at).size, size);
  }
}

TEST(Unicode, BytesThatAreNoCharacter) {
  for (const char* bytes : {"\x80", "\xC3", "\xE2\x82", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_EQ(character_at(bytes, 0).size, 0U) << bytes;
    EXPECT_EQ(character_at(bytes, 0).code, U'\uFFFD');
  }
}

// Expected: every character that Python 3.11's str.isspace takes, counted over all of Unicode.
TEST(Unicode, SpacesAreThoseOfPython) {
  int spaces = 0;
  for (char32_t c = 0; c < 0x110000; ++c) spaces += is_space(c) ? 1 : 0;
  EXPECT_EQ(spaces, 29);
  for (const char32_t c : {U'\t', U'\x1C', U'\x85', U'\u00A0', U'\u1680', U'\u2028', U'\u3000'})
    EXPECT_TRUE(is_space(c));
  for (const char32_t c : {U'a', U'\u200B', U'\u180E', U'\uFEFF'}) EXPECT_FALSE(is_space(c));
}

TEST(Unicode, LowerCase) {
  EXPECT_EQ(lower(U'Q'), U'q');
  EXPECT_EQ(lower(U'\u0416'), U'\u0436');  // Cyrillic
  EXPECT_EQ(lower(U'\u0531'), U'\u0561');  // Armenian
  EXPECT_EQ(lower(U'\u00DF'), U'\u00DF');  // has no capital in Latin-1
  EXPECT_EQ(lower(U'7'), U'7');
}

TEST(Unicode, LowerCaseOfTexts) {
  EXPECT_EQ(lower("ABC \u00C9\u0416\u03A3"), "abc \u00E9\u0436\u03C3");
  EXPECT_EQ(lower("\u0130"), "i\u0307");
  EXPECT_EQ(lower("A\xFF"), "a\uFFFD");
}

TEST(Unicode, CombiningMarks) {
  for (const char32_t c : {U'\u0301', U'\u05B0', U'\u3099'}) EXPECT_TRUE(is_combining(c));
  for (const char32_t c : {U'a', U'\u00E9', U'\u200D', U'\u20DD'}) EXPECT_FALSE(is_combining(c));
}

// Expected: Python's str.isdecimal.
TEST(Unicode, Digits) {
  for (const char32_t c : {U'0', U'9', U'\u0663', U'\u0969', U'\uFF12'}) EXPECT_TRUE(is_digit(c));
  for (const char32_t c : {U'a', U',', U'\u00BD', U'\u2167', U'\u4E09'}) EXPECT_FALSE(is_digit(c));
}

// Expected: Python's unicodedata.normalize("NFKD", ...).
TEST(Unicode, Decomposition) {
  EXPECT_EQ(decompose("caf\u00E9 \uFB01 \uFF12"), "cafe\u0301 fi 2");
  EXPECT_EQ(decompose("\uD55C"), "\u1112\u1161\u11AB");
  EXPECT_EQ(decompose("a\u0301\u0323"), "a\u0323\u0301");  // in the order of their classes
  EXPECT_EQ(decompose(std::string("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_EQ(decompose(""), "");
  EXPECT_THROW(decompose("\xFF"), std::invalid_argument);
}

TEST(Unicode, AppendWritesWhatIsRead) {
  std::string text;
  for (const char32_t c : {U'a', U'\u00E9', U'\u65E5', U'\U0001F992'}) append(text, c);
  EXPECT_EQ(text, "a\u00E9\u65E5\U0001F992");
}

}  // namespace
}  // namespace data
