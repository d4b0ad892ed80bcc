// Data that do not fit together and damaged images, as train and eval meet them.
#include "tests/cli/cli_test.h"
#include "tests/data/small_set.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class BadDataTest : public CliTest {
 protected:
  void SetUp() override { give_all(); }

  /// Training may not leave anything behind.
  void expect_refused(const std::vector<std::string>& parts) const {
    const auto before = listing(folder());
    expect_error_after_progress(vqa("train --data shapes --out new --epochs 1" + kTiny), 1, parts);
    expect_same(listing(folder()), before);
  }
  /// Nor may answering.
  void expect_refused_by_both(const std::vector<std::string>& parts) const {
    const auto before = listing(folder());
    expect_error(vqa("eval --model m --data shapes --split train --results r.json --json a.json"), 1, parts);
    expect_same(listing(folder()), before);
    expect_refused(parts);
  }
  /// Changes one JSON file's records.
  void edit(const std::string& file, const std::string& key, const std::function<void(json&)>& change) const {
    json content = read_json(*this / file);
    change(content[key]);
    write_text(*this / file, content.dump());
  }
};

TEST_F(BadDataTest, QuestionWithoutImage) {
  fs::remove(*this / kTrainPicture);
  expect_refused_by_both({"COCO_train2014_000000000001", "question 1000"});
}

TEST_F(BadDataTest, NoFolderOfImages) {
  fs::remove_all(*this / "shapes/train2014");
  expect_refused({"shapes/train2014: "});
}

TEST_F(BadDataTest, QuestionWithoutAnnotation) {
  edit(kTrainAnnotations, "annotations", [](json& all) { all.erase(2); });
  expect_refused({kTrainAnnotations + ": ", "question 1002 "});
}

TEST_F(BadDataTest, AnnotationWithoutQuestion) {
  edit(kTrainQuestions, "questions", [](json& all) { all.erase(2); });
  expect_refused({kTrainAnnotations + ": ", "question 1002"});
}

TEST_F(BadDataTest, QuestionThatStandsTwice) {
  edit(kTrainQuestions, "questions", [](json& all) { all.push_back(all[2]); });
  expect_refused({kTrainQuestions + ": ", "question 1002 "});
}

TEST_F(BadDataTest, NoQuestions) {
  edit(kTrainQuestions, "questions", [](json& all) { all.clear(); });
  expect_refused({kTrainQuestions + ": ", "no questions"});
}

TEST_F(BadDataTest, QuestionThatCannotBeAsked) {
  edit(kTrainQuestions, "questions", [](json& all) { all[2]["question"] = ""; });
  expect_refused_by_both({"question 1002", "empty"});
  edit(kTrainQuestions, "questions", [](json& all) { all[2]["question"] = std::string(10'000, 'a'); });
  expect_refused({"question 1002", "10000 characters"});
}

TEST_F(BadDataTest, MissingQuestionsFile) {
  fs::remove(*this / kTrainQuestions);
  expect_refused({kTrainQuestions});
}

TEST_F(BadDataTest, TruncatedQuestionsFile) {
  const size_t half = read_text(*this / kTrainQuestions).size() / 2;
  cut_in_half(*this / kTrainQuestions);
  expect_refused_by_both({kTrainQuestions, "truncated", "byte " + std::to_string(half)});
}

TEST_F(BadDataTest, NoDataFolder) {
  fs::remove_all(*this / "shapes");
  expect_refused({"shapes: "});
}

TEST_F(BadDataTest, TruncatedImage) {
  cut_in_half(*this / kTrainPicture);
  expect_refused_by_both({kTrainPicture});
}

TEST_F(BadDataTest, TextNamedLikeAnImage) {
  write_text(*this / kTrainPicture, "This is not a picture.");
  expect_refused_by_both({kTrainPicture});
}

TEST_F(BadDataTest, EmptyImage) {
  write_text(*this / kTrainPicture, "");
  expect_refused({kTrainPicture});
}

TEST_F(BadDataTest, TrainingGoesOnToTheSamePlaceOnceTheDataAreMended) {
  const std::string picture = read_text(*this / kTrainPicture);
  cut_in_half(*this / kTrainPicture);
  const std::string train = "train --data shapes --out new --epochs 1" + kTiny;
  expect_error_after_progress(vqa(train), 1, {kTrainPicture});
  write_text(*this / kTrainPicture, picture);
  expect_done(vqa(train));
}

}  // namespace
}  // namespace cli
