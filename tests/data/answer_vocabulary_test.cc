#include "data/answer_vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Annotation> annotations_with(const std::vector<std::pair<std::string, int>>& answers) {
  std::vector<Annotation> annotations;
  for (const auto& [answer, count] : answers) {
    for (int i = 0; i < count; ++i) {
      annotations.emplace_back();
      annotations.back().multiple_choice_answer = answer;
    }
  }
  return annotations;
}

std::vector<std::string> texts(const AnswerVocabulary& vocabulary) {
  std::vector<std::string> all;
  for (int64_t id = 0; id < vocabulary.size(); ++id) all.push_back(vocabulary.text(id));
  return all;
}

TEST(AnswerVocabulary, KeepsFrequentCleanedUpAnswersInADeterministicOrder) {
  const std::vector<Annotation> annotations = annotations_with(
      {{"zebra", 9}, {"rare", 8}, {"two", 5}, {"2", 5}, {"apple", 9}, {"Zebra.", 1}, {"B", 9}, {"the", 9}});
  EXPECT_THAT(texts(AnswerVocabulary::build(annotations)), ElementsAre("2", "zebra", "", "apple", "b"));
  EXPECT_THAT(texts(AnswerVocabulary::build(annotations, 10)), ElementsAre("2", "zebra"));
  EXPECT_EQ(AnswerVocabulary::build(annotations, 1).size(), 6);
}

TEST(AnswerVocabulary, RefusesToBeEmpty) {
  EXPECT_THAT(error_of<std::runtime_error>([] {
                AnswerVocabulary::build(annotations_with({{"a b", 3}}), 4);
              }),
              HasSubstr("none of the 3 questions has an answer that occurs 4 times"));
  EXPECT_THAT(error_of<std::invalid_argument>([] { AnswerVocabulary::build({}, 0); }),
              HasSubstr("min-answer-count: 0"));
}

TEST(AnswerVocabulary, FindsAnswersByTextAndId) {
  const AnswerVocabulary vocabulary = AnswerVocabulary::build(annotations_with({{"yes", 2}, {"no", 1}}), 1);
  EXPECT_EQ(vocabulary.find("no"), 1);
  EXPECT_EQ(vocabulary.find("No"), std::nullopt);
  EXPECT_THROW(vocabulary.text(2), std::out_of_range);
  EXPECT_THROW(vocabulary.text(-1), std::out_of_range);
}

TEST(AnswerVocabulary, IsLoadedAsItWasSaved) {
  const TemporaryFolder folder;
  const AnswerVocabulary saved =
      AnswerVocabulary::build(annotations_with({{"yes", 4}, {"the", 3}, {"it's red", 2}, {"caf\xC3\xA9", 1}}), 1);
  saved.save(folder / "answers.txt");
  EXPECT_EQ(read_file(folder / "answers.txt"), "yes\n\nit's red\ncaf\xC3\xA9\n");
  const AnswerVocabulary loaded = AnswerVocabulary::load(folder / "answers.txt");
  EXPECT_EQ(texts(loaded), texts(saved));
  EXPECT_EQ(loaded.find("it's red"), 2);
}

TEST(AnswerVocabulary, RefusesDamagedFiles) {
  const TemporaryFolder folder;
  const std::string path = (folder / "answers.txt").string();
  const auto error = [&](const std::string& text) {
    write_text(path, text);
    return error_of<std::runtime_error>([&] { AnswerVocabulary::load(path); });
  };
  EXPECT_EQ(error(""), path + ": is empty; one answer a line is expected");
  EXPECT_EQ(error("yes\nno\nyes\n"), path + ":3: answer 'yes' stands twice, first on line 1");
  // Cut within its last line, it was read with half an answer.
  EXPECT_EQ(error("yes\nno"), path + ":2: does not end; the file is truncated");
  EXPECT_EQ(error("yes\nn\xFFo\n"), path + ":2: holds bytes that are not UTF-8");
  EXPECT_THAT(error_of<std::runtime_error>([&] { AnswerVocabulary::load(folder / "none"); }),
              HasSubstr("none: cannot be read: No such file or directory"));
}

TEST(AnswerVocabulary, ScoresSoftTargetsByHowManyGaveAnAnswer) {
  const AnswerVocabulary vocabulary =
      AnswerVocabulary::build(annotations_with({{"a1", 6}, {"b1", 5}, {"c1", 4}, {"d1", 3}, {"unused", 2}}), 1);
  Annotation annotation;
  annotation.answers = {"D1.", "c1", "d1", "d1", "c1", "the d1", "b1", "unknown", "c1", "b1"};
  const auto targets = vocabulary.soft_targets(annotation);
  ASSERT_EQ(targets.size(), 3U);
  EXPECT_EQ(targets[0].answer, 1);
  EXPECT_EQ(targets[0].score, 0.6F);
  EXPECT_EQ(targets[1].answer, 2);
  EXPECT_EQ(targets[1].score, 0.9F);
  EXPECT_EQ(targets[2].answer, 3);
  EXPECT_EQ(targets[2].score, 1.0F);
  annotation.answers = {"a1", "x", "b1", "b1", "b1", "b1", "b1", "b1"};
  EXPECT_EQ(vocabulary.soft_targets(annotation)[0].score, 0.3F);
  EXPECT_EQ(vocabulary.soft_targets(annotation)[1].score, 1.0F);
  annotation.answers = {"x"};
  EXPECT_TRUE(vocabulary.soft_targets(annotation).empty());
}

TEST(AnswerVocabulary, OfTheGoldenAnnotations) {
  const AnswerVocabulary vocabulary = AnswerVocabulary::build(
      read_annotations(VQA_SOURCE_DIR "/tests/golden/eval/v2_mscoco_val2014_annotations.json.gz"));
  EXPECT_EQ(vocabulary.text(0), "yes");
  EXPECT_EQ(vocabulary.text(1), "no");
  EXPECT_EQ(vocabulary.find("3"), 4);
}

TEST(AnswerVocabulary, OfTextsKeepsTheirOrder) {
  EXPECT_THAT(texts(AnswerVocabulary::of({"b", "", "a"})), ElementsAre("b", "", "a"));
  EXPECT_EQ(AnswerVocabulary::of({"b", "a"}).find("a"), 1);
  const auto refusal = [](const std::vector<std::string>& wrong) {
    return error_of<std::runtime_error>([&] { AnswerVocabulary::of(wrong); });
  };
  EXPECT_THAT(refusal({"a", "b", "a"}), HasSubstr("answer 'a' stands twice"));
  EXPECT_THAT(refusal({"a\nb"}), HasSubstr("line break"));
  EXPECT_THAT(refusal({}), HasSubstr("no answers"));
}

}  // namespace
}  // namespace data
