#include "text/clean.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

std::string refusal(std::string_view question) {
  try {
    text::check_question(question);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

// Expected values are Python's, with openvqa's expression.
TEST(CleanWordsTest, FollowsOpenvqa) {
  EXPECT_THAT(text::clean_words("What color is the cat's hat?"),
              ElementsAre("what", "color", "is", "the", "cats", "hat"));
  EXPECT_THAT(text::clean_words("Is it a T-shirt/jacket?!"), ElementsAre("is", "it", "a", "t", "shirt", "jacket"));
  EXPECT_THAT(text::clean_words("(\"A\", *b*; #c: d.e)"), ElementsAre("a", "b", "c", "de"));
  EXPECT_THAT(text::clean_words("50% & $3 [x] {y} @z"), ElementsAre("50%", "&", "$3", "[x]", "{y}", "@z"));
  EXPECT_THAT(text::clean_words("  two\t\nlines\r\n"), ElementsAre("two", "lines"));
  EXPECT_THAT(text::clean_words("?!...-/"), IsEmpty());
}

TEST(CleanWordsTest, LowersLettersBeyondAscii) {
  EXPECT_THAT(text::clean_words("ÀÉÎ×Þß ŐŹŽĄ ΑΩΣ БЯЁ"), ElementsAre("àéî×þß", "őźžą", "αωσ", "бяё"));
  EXPECT_THAT(text::clean_words("ÿ ĸ ſ 日本 🦒"), ElementsAre("ÿ", "ĸ", "ſ", "日本", "🦒"));
}

TEST(CleanWordsTest, SplitsAtUnicodeSpaces) {
  EXPECT_THAT(text::clean_words("a\u00A0b\u2003c\u3000d\u200Be"), ElementsAre("a", "b", "c", "d\u200Be"));
}

TEST(CleanWordsTest, KeepsGoingOverBrokenBytes) {
  EXPECT_THAT(text::clean_words("a\xFFz b"), ElementsAre("a\uFFFDz", "b"));
  EXPECT_THAT(text::clean_words(std::string_view("a\0b", 3)), ElementsAre(std::string("a\0b", 3)));
}

TEST(CheckQuestionTest, AcceptsWhatPeopleAsk) {
  EXPECT_EQ(refusal("Is it raining?"), "");
  EXPECT_EQ(refusal("?"), "");
  EXPECT_EQ(refusal("Où est le chat 🐈\u200D⬛ ?"), "");
  EXPECT_EQ(refusal(std::string_view("a\0b", 3)), "");
  EXPECT_EQ(refusal("\xF4\x8F\xBF\xBF"), "");  // the last character there is
}

TEST(CheckQuestionTest, RefusesNothing) {
  for (const char* blank : {"", " ", " \t\r\n", "\u00A0\u3000"}) EXPECT_THAT(refusal(blank), HasSubstr("is empty"));
}

TEST(CheckQuestionTest, CountsCharactersNotBytes) {
  std::string question;
  for (int64_t i = 0; i < text::kMaxQuestionCharacters; ++i) question += "é";
  EXPECT_EQ(refusal(question), "");
  EXPECT_THAT(refusal(question + "e"), HasSubstr(std::to_string(text::kMaxQuestionCharacters + 1) + " characters"));
  EXPECT_THAT(refusal(std::string(10'000, 'x')), HasSubstr("10000 characters"));
}

TEST(CheckQuestionTest, NamesTheByteThatIsNotUtf8) {
  EXPECT_THAT(refusal("caf\xE9?"), HasSubstr("byte 0xE9 at position 3"));
  const std::vector<std::string> broken = {
      "\x80",              // a continuation alone
      "\xC3",              // cut
      "\xE2\x82",          // cut
      "\xF0\x9F\x98",      // cut
      "\xC0\xAF",          // a longer form than needed
      "\xE0\x80\xAF",      // the same
      "\xF0\x80\x80\xAF",  // the same
      "\xED\xA0\x80",      // half of a surrogate pair
      "\xF4\x90\x80\x80",  // beyond the last character
      "\xF8\x88\x80\x80\x80",
      "\xFF",
      "\xFE",
  };
  for (const std::string& bytes : broken) EXPECT_THAT(refusal("ab" + bytes), HasSubstr("at position 2"));
}
