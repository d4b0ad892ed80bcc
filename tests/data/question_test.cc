#include "data/question.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

TEST(Questions, AreReadInTheirOrder) {
  const TemporaryFolder folder;
  write_text(folder / "q.json",
             R"({"info": {}, "data_type": "mscoco", "questions": [
                 {"image_id": 42, "question": "What is it?", "question_id": 42001},
                 {"question_id": 7000, "question": "", "image_id": 7, "more": [1]}], "license": {}})");
  const std::vector<Question> questions = read_questions(folder / "q.json");
  ASSERT_EQ(questions.size(), 2U);
  EXPECT_EQ(questions[0].question_id, 42001);
  EXPECT_EQ(questions[0].image_id, 42);
  EXPECT_EQ(questions[0].text, "What is it?");
  EXPECT_EQ(questions[1].question_id, 7000);
  EXPECT_EQ(questions[1].image_id, 7);
  EXPECT_EQ(questions[1].text, "");
}

TEST(Questions, OfAnotherShapeAreRefusedWithTheKey) {
  const TemporaryFolder folder;
  const std::string path = (folder / "q.json").string();
  write_text(path, R"({"questions": [{"question_id": 1, "question": "?"}]})");
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_questions(path); }),
            path + ": questions[0] (byte 16) lacks 'image_id'");
  write_text(path, R"({"annotations": []})");
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_questions(path); }), path + ": lacks the key 'questions'");
}

TEST(Questions, OfTheGoldenSetAreAllThere) {
  const std::vector<Question> questions =
      read_questions(VQA_SOURCE_DIR "/tests/golden/eval/v2_OpenEnded_mscoco_val2014_questions.json.gz");
  ASSERT_EQ(questions.size(), 8977U);
  EXPECT_EQ(questions.front().text, "What insurance company is a sponsor?");
  EXPECT_EQ(questions.back().question_id, 534353000);
}

}  // namespace
}  // namespace data
