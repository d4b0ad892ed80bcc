#include "data/answer_text.h"

#include <gtest/gtest.h>

#include "data/json_file.h"

namespace data {
namespace {

TEST(AnswerText, EqualsTheEvaluatorInAllGoldenRows) {
  const nlohmann::json rows = read_json(VQA_SOURCE_DIR "/tests/golden/eval/normalized.json.gz");
  ASSERT_EQ(rows.size(), 3000U);
  for (const nlohmann::json& row : rows) {
    EXPECT_EQ(normalize_answer(row.at("in").get<std::string>()), row.at("out").get<std::string>()) << row;
  }
}

TEST(AnswerText, IsStrippedOfWhiteSpaceAtBothEnds) {
  EXPECT_EQ(strip_answer(" \n a\tb\nc \r\n"), "a b c");
  EXPECT_EQ(strip_answer(" \t\n"), "");
  EXPECT_EQ(strip_answer("\xC2\xA0red\xE3\x80\x80"), "red");  // no-break and ideographic space
}

TEST(AnswerText, PunctuationGoesBesideASpaceAndElseBecomesOne) {
  EXPECT_EQ(clean_punctuation("black/white"), "black white");
  EXPECT_EQ(clean_punctuation("black / white-ish"), "black  white ish");
  EXPECT_EQ(clean_punctuation("-a b-c"), " a b c");
  EXPECT_EQ(clean_punctuation("-a b- c"), "a b c");  // one of a sign beside a space takes all of that sign along
  EXPECT_EQ(clean_punctuation("a! b!?"), "a b ");
}

TEST(AnswerText, ACommaInANumberTakesAllPunctuationAlong) {
  EXPECT_EQ(clean_punctuation("1,000 a/b"), "1000 ab");
  EXPECT_EQ(clean_punctuation("a,b"), "a b");
}

TEST(AnswerText, FullStopsStayBeforeDigitsAndAfterThe32nd) {
  EXPECT_EQ(clean_punctuation("2.50 p.m."), "2.50 pm");
  EXPECT_EQ(clean_punctuation(".5"), ".5");
  EXPECT_EQ(clean_punctuation(std::string(40, '.')), std::string(8, '.'));
}

TEST(AnswerText, NumberWordsArticlesAndContractions) {
  EXPECT_EQ(clean_words("The TWO  dogs and a cat"), "2 dogs and cat");
  EXPECT_EQ(clean_words("none"), "0");
  EXPECT_EQ(clean_words("eleven"), "eleven");
  EXPECT_EQ(clean_words("dont hes 'ow'sat"), "don't he's 'ow's'at");
  EXPECT_EQ(clean_words("couldntve couldnt've couldn'tve"), "couldntve couldn't've couldn't've");
  EXPECT_EQ(clean_words("somebody'd somebodyd"), "somebodyd somebodyd");
  EXPECT_EQ(clean_words("Im"), "im");  // the evaluator knows only "Im", after lower case
  EXPECT_EQ(clean_words("the"), "");
  EXPECT_EQ(clean_words("\xC3\x89t\xC3\xA9\xE2\x80\xA8\xD0\x96"), "\xC3\xA9t\xC3\xA9 \xD0\xB6");
}

TEST(AnswerText, OfAnyBytesIsSurvived) {
  for (int a = 0; a < 256; ++a) {
    for (const char* rest : {"", "\x80", " x", "\xBF\xBF", "\xF0"}) {
      const std::string text = std::string(1, static_cast<char>(a)) + rest;
      EXPECT_LE(normalize_answer(text).size(), text.size() + 3);
      EXPECT_LE(normalize_answer(rest + text).size(), 2 * text.size() + 3);
    }
  }
}

}  // namespace
}  // namespace data
