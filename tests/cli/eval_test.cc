// vqa eval.
#include <csignal>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class EvalTest : public CliTest {
 protected:
  void SetUp() override { give_all(); }
  const std::string eval_ = "eval --model m --data shapes";
  const std::string score_ = "score --questions " + kValQuestions + " --annotations " + kValAnnotations;
};

TEST_F(EvalTest, ResultsScoreTheSame) {
  const Outcome eval = vqa(eval_ + " --results r.json --json eval.json");
  expect_done(eval);
  EXPECT_EQ(eval.err, "");
  EXPECT_THAT(eval.out, HasSubstr("80 questions"));
  for (const char* part : {"overall", "by answer type", "yes/no", "number", "by question type"}) {
    EXPECT_THAT(eval.out, HasSubstr(part));
  }
  const Outcome score = vqa(score_ + " --results r.json --json score.json");
  expect_done(score);
  EXPECT_EQ(score.out, eval.out);
  EXPECT_EQ(read_text(*this / "score.json"), read_text(*this / "eval.json"));

  const json results = read_json(*this / "r.json");
  ASSERT_EQ(results.size(), 80u);
  for (const json& result : results) {
    EXPECT_EQ(result.size(), 2u);
    EXPECT_TRUE(result["question_id"].is_number_integer() && result["answer"].is_string()) << result;
  }
}

TEST_F(EvalTest, JsonHasTheEvaluatorsNames) {
  expect_done(vqa(eval_ + " --json a.json"));
  const json report = read_json(*this / "a.json");
  EXPECT_EQ(report.size(), 2u);
  EXPECT_EQ(report["accuracy"].size(), 3u);
  EXPECT_TRUE(report["accuracy"]["overall"].is_number());
  EXPECT_TRUE(report["accuracy"]["perQuestionType"].is_object());
  EXPECT_EQ(report["accuracy"]["perAnswerType"].size(), 3u);
  EXPECT_EQ(report["evalQA"].size(), 80u);
  EXPECT_TRUE(report["evalQA"].contains("41000"));
}

TEST_F(EvalTest, BatchSizeChangesNothing) {
  const Outcome large = vqa(eval_), small = vqa(eval_ + " --batch-size 3 --workers 1");
  expect_done(small);
  EXPECT_EQ(small.out, large.out);
}

TEST_F(EvalTest, ClassicRule) {
  const Outcome eval = vqa(eval_ + " --rule classic --results r.json");
  expect_done(eval);
  EXPECT_EQ(vqa(score_ + " --results r.json --rule classic").out, eval.out);
}

TEST_F(EvalTest, PriorsStandBesideTheModelOrAlone) {
  const Outcome both = vqa(eval_ + " --prior"), alone = vqa("eval --data shapes --prior");
  expect_done(both);
  expect_done(alone);
  EXPECT_THAT(both.out, ::testing::EndsWith(alone.out));
  EXPECT_THAT(both.out, ::testing::StartsWith("accuracy on 80 questions"));
  for (const char* part : {"majority", "question type", "question text"}) EXPECT_THAT(alone.out, HasSubstr(part));
}

TEST_F(EvalTest, TestSplitIsAnsweredWithoutAScore) {
  fs::rename(*this / kValQuestions, *this / "shapes/v2_OpenEnded_mscoco_test2015_questions.json");
  fs::create_directory(*this / "shapes/test2015");
  for (int64_t id = 41; id <= 50; ++id) {
    const std::string number = "0000000000" + std::to_string(id) + ".png";
    fs::rename(*this / ("shapes/val2014/COCO_val2014_" + number), *this / ("shapes/test2015/COCO_test2015_" + number));
  }
  expect_error(vqa(eval_ + " --split test"), 2, {"test", "no annotations", "--results"});
  const Outcome eval = vqa(eval_ + " --split test --results r.json");
  expect_done(eval);
  EXPECT_EQ(read_json(*this / "r.json").size(), 80u);
}

TEST_F(EvalTest, ArchivesReadLikePlainFiles) {
  const Outcome plain = vqa(eval_);
  for (const std::string& file : {kValQuestions, kValAnnotations}) {
    write_packed(*this / (file + ".gz"), read_text(*this / file));
    fs::remove(*this / file);
  }
  const Outcome packed = vqa(eval_);
  expect_done(packed);
  EXPECT_EQ(packed.out, plain.out);
}

TEST_F(EvalTest, OutputsThatCannotBeMadeAreRefused) {
  expect_error(vqa("eval --data shapes --prior --results r.json"), 2, {"--results", "--model"});
  expect_error(vqa("eval --data shapes --prior --json a.json"), 2, {"--json", "--model"});
  // The second file took the first one's place.
  expect_error(vqa(eval_ + " --results r.json --json r.json"), 2, {"--results", "--json", "r.json"});
  fs::remove(*this / kValAnnotations);
  expect_error(vqa(eval_ + " --results r.json --json a.json"), 2, {"val", "annotations", "--json"});
  EXPECT_FALSE(fs::exists(*this / "r.json"));
}

// Annotations and models were written over.
TEST_F(EvalTest, OutputsThatAreReadAreRefused) {
  const auto before = listing(folder());
  expect_error(vqa(eval_ + " --results " + kValAnnotations), 2, {"results: ", "is read", "another"});
  expect_error(vqa(eval_ + " --json ./" + kValQuestions), 2, {"json: ", "is read"});
  expect_error(vqa(eval_ + " --json m/config.json"), 2, {"json: m/config.json is read"});
  expect_same(listing(folder()), before);
}

TEST_F(EvalTest, FilesThatCannotBeWritten) {
  const auto before = listing(folder());
  for (const auto& [flag, file] : {std::pair<std::string, std::string>{"--results", "picture.png/r.json"},
                                   {"--results", "/dev/full"},
                                   {"--json", "/dev/full"}}) {
    const Outcome outcome = vqa(eval_ + " " + flag + " " + file);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, ::testing::StartsWith("vqa: " + file + ": "));
    EXPECT_EQ(lines(outcome.err).size(), 1u);
  }
  expect_same(listing(folder()), before);
}

TEST_F(EvalTest, InterruptedWritesNothing) {
  const Outcome stopped = vqa(eval_ + " --batch-size 1 --results r.json",
                              {.terminal = true, .signal = SIGINT, .when = has_said("answering")});
  EXPECT_EQ(stopped.code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("vqa: stopped before all questions were answered"));
  EXPECT_FALSE(fs::exists(*this / "r.json"));
  EXPECT_EQ(stopped.out, "");
}

}  // namespace
}  // namespace cli
