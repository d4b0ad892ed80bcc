#include "data/annotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::ElementsAre;

const char* const kTwo = R"({"annotations": [
  {"question_type": "what", "multiple_choice_answer": "red", "answers": [
     {"answer": "red", "answer_confidence": "yes", "answer_id": 1},
     {"answer_confidence": "maybe", "answer": " Red.", "answer_id": 2}],
   "image_id": 42, "answer_type": "other", "question_id": 42001},
  {"question_id": 7000, "image_id": 7, "answer_type": "yes/no", "question_type": "is it",
   "answers": [], "multiple_choice_answer": "no"}]})";

TEST(Annotations, KeepAnswersAsGivenAndNeedOne) {
  const TemporaryFolder folder;
  const std::string path = (folder / "a.json").string();
  write_text(path, kTwo);
  std::vector<std::string> problems;
  const std::vector<Annotation> annotations =
      read_annotations(path, [&](const std::string& problem) { problems.push_back(problem); });
  ASSERT_EQ(annotations.size(), 1U);
  EXPECT_EQ(annotations[0].question_id, 42001);
  EXPECT_EQ(annotations[0].image_id, 42);
  EXPECT_EQ(annotations[0].question_type, "what");
  EXPECT_EQ(annotations[0].answer_type, "other");
  EXPECT_EQ(annotations[0].multiple_choice_answer, "red");
  EXPECT_THAT(annotations[0].answers, ElementsAre("red", " Red."));
  EXPECT_THAT(problems, ElementsAre(path + ": question 7000 has no answers"));
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_annotations(path); }), problems[0]);
}

TEST(Annotations, OfAnotherShapeAreRefusedWithTheKey) {
  const TemporaryFolder folder;
  const std::string path = (folder / "a.json").string();
  write_text(path, R"({"annotations": [{"question_id": 1, "image_id": 1, "question_type": "", "answer_type": "",
                       "multiple_choice_answer": "", "answers": ["red"]}]})");
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_annotations(path); }),
            path + ": annotations[0] (byte 18) 'answers' has an element that is a string, not an object");
}

TEST(Annotations, OfTheGoldenSetAreAllThere) {
  const std::vector<Annotation> annotations =
      read_annotations(VQA_SOURCE_DIR "/tests/golden/eval/v2_mscoco_val2014_annotations.json.gz");
  ASSERT_EQ(annotations.size(), 8977U);
  for (const Annotation& annotation : annotations) ASSERT_EQ(annotation.answers.size(), 10U);
}

}  // namespace
}  // namespace data
