#include "text/make_question_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/error_of.h"

using testing::HasSubstr;
using text::QuestionEncoderOptions;

namespace {

text::LstmEncoderOptions small() { return {.vocabulary_size = 20, .word_dim = 6, .dim = 5}; }

std::string refusal(const QuestionEncoderOptions& options) {
  return error_of<std::invalid_argument>([&] { text::make_question_encoder(options); });
}

}  // namespace

TEST(MakeQuestionEncoderTest, IsMadeByName) {
  QuestionEncoderOptions options;
  options.lstm = small();
  options.albert.dim = 5;
  options.albert.heads = 1;
  for (const std::string& name : text::question_encoder_names()) {
    options.question_encoder = name;
    EXPECT_EQ(text::make_question_encoder(options)->dim(), 5);
  }
  options.question_encoder = "gru";
  EXPECT_THAT(refusal(options), HasSubstr("question-encoder: 'gru'; allowed are lstm, albert"));
}

TEST(MakeQuestionEncoderTest, RefusesOptionsOutOfRange) {
  QuestionEncoderOptions options;
  EXPECT_THAT(refusal(options), HasSubstr("vocabulary-size: 0"));
  options.lstm = small();
  options.lstm.dim = 0;
  EXPECT_THAT(refusal(options), HasSubstr("dim: 0"));
  options.lstm = small();
  options.lstm.word_dim = -1;
  EXPECT_THAT(refusal(options), HasSubstr("word-dim: -1"));
}
