#include "vqa/new_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/error_of.h"
#include "tests/data/small_set.h"
#include "tests/vqa/small_model.h"

namespace vqa {
namespace {

using testing::StartsWith;

class NewBundleTest : public testing::Test {
 protected:
  Bundle bundle(const std::vector<SmallQuestion>& questions) const {
    write_split(folder_.path(), "train2014", questions);
    return new_bundle(config_, data::Split::open(folder_.path(), "train"));
  }
  std::string error(const std::vector<SmallQuestion>& questions) const {
    return error_of<std::runtime_error>([&] { bundle(questions); });
  }

  TemporaryFolder folder_;
  Config config_ = small_config();
};

TEST_F(NewBundleTest, KnowsTheQuestionsAndTheFrequentAnswers) {
  config_.model.min_answer_count = 2;
  config_.model.max_tokens = 3;
  const Bundle made = bundle({{.id = 1, .image = 1, .answer = "no", .text = "Is it?"},
                              {.id = 2, .image = 1, .answer = "red", .text = "Is it red?"},
                              {.id = 3, .image = 2, .answer = "Red.", .text = "What color is it?"}});
  EXPECT_EQ(made.answers.size(), 1);
  EXPECT_EQ(made.answers.text(0), "red");
  EXPECT_EQ(made.tokenizer->kind(), "words");
  EXPECT_EQ(made.tokenizer->vocabulary_size(), 2 + 5);  // is it red what color
  EXPECT_EQ(made.tokenizer->encode("What color is it?").size(), 3u);
  EXPECT_EQ(made.model->options().words, 7);
  EXPECT_EQ(made.model->options().answers, 1);
}

TEST_F(NewBundleTest, NamesTheQuestionThatCannotBeAsked) {
  EXPECT_THAT(error({{.id = 1, .image = 1}, {.id = 12, .image = 1, .text = " "}}),
              StartsWith("question 12: the question is empty"));
  EXPECT_THAT(error({{.id = 31, .image = 1, .text = std::string(10'000, 'x')}}),
              StartsWith("question 31: the question has 10000 characters"));
}

TEST_F(NewBundleTest, RefusesDataWithoutFrequentAnswers) {
  config_.model.min_answer_count = 3;
  EXPECT_THAT(error({{.id = 1, .image = 1}, {.id = 2, .image = 1}}),
              StartsWith("none of the 2 questions has an answer that occurs 3 times"));
}

}  // namespace
}  // namespace vqa
