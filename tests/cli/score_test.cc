// vqa score, and the files that every command reads: questions, annotations, results.
#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class ScoreTest : public CliTest {
 protected:
  void SetUp() override {
    give_shapes();
    fs::copy_file(*this / kValQuestions, *this / "q.json");
    fs::copy_file(*this / kValAnnotations, *this / "a.json");
    const json annotations = read_json(*this / "a.json");
    for (const json& annotation : annotations["annotations"]) {
      results_.push_back(
          {{"question_id", annotation["question_id"]}, {"answer", annotation["multiple_choice_answer"]}});
    }
    write_results();
  }
  void write_results() { write_text(*this / "r.json", results_.dump()); }
  Outcome score(const std::string& flags = "") const {
    return vqa("score --questions q.json --annotations a.json --results r.json" + flags);
  }

  json results_ = json::array();
};

TEST_F(ScoreTest, RightAnswersScoreAHundred) {
  const Outcome outcome = score(" --json out.json");
  expect_done(outcome);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("80 questions"));
  EXPECT_THAT(lines(outcome.out).at(1), ::testing::MatchesRegex(" *overall +100.00"));
  const json report = read_json(*this / "out.json");
  EXPECT_EQ(report["accuracy"]["overall"], 100);
  EXPECT_EQ(report["accuracy"]["perAnswerType"].size(), 3u);
  EXPECT_FALSE(report["accuracy"]["perQuestionType"].empty());
  EXPECT_EQ(report["evalQA"].size(), 80u);
}

TEST_F(ScoreTest, WrongAnswersScoreNothing) {
  for (size_t i = 0; i < 20; ++i) results_[i]["answer"] = "a giraffe";
  write_results();
  EXPECT_THAT(lines(score().out).at(1), ::testing::MatchesRegex(" *overall +75.00"));
}

TEST_F(ScoreTest, TodaysRuleCleansNothingWhereAllAnnotatorsAgree) {
  for (json& result : results_) result["answer"] = result["answer"].get<std::string>() + ".";
  write_results();
  const Outcome official = score(), classic = score(" --rule classic");
  EXPECT_THAT(lines(official.out).at(1), ::testing::MatchesRegex(" *overall +0.00"));
  EXPECT_THAT(lines(classic.out).at(1), ::testing::MatchesRegex(" *overall +100.00"));
}

TEST_F(ScoreTest, ReportThatIsReadIsRefused) {
  const auto before = listing(folder());
  for (const std::string file : {"q.json", "./a.json", "r.json"})
    expect_error(score(" --json " + file), 2, {"json: " + file + " is read", "another"});
  expect_same(listing(folder()), before);
}

TEST_F(ScoreTest, UnknownRule) {
  expect_error(score(" --rule newest"), 2, {"rule", "'newest'", "official", "classic"});
}

TEST_F(ScoreTest, SetWithoutQuestions) {
  write_text(*this / "q.json", "{\"questions\": []}");
  write_text(*this / "a.json", "{\"annotations\": []}");
  expect_error(score(), 1, {"a.json: ", "no annotations"});
}

TEST_F(ScoreTest, MissingFile) {
  for (const std::string file : {"q.json", "a.json", "r.json"}) {
    fs::rename(*this / file, *this / "away");
    expect_error(score(), 1, {file + ": ", "No such file"});
    fs::rename(*this / "away", *this / file);
  }
}

TEST_F(ScoreTest, EmptyFile) {
  for (const std::string file : {"q.json", "a.json", "r.json"}) {
    const std::string content = read_text(*this / file);
    write_text(*this / file, "");
    expect_error(score(), 1, {file + ": ", "empty"});
    write_text(*this / file, content);
  }
}

TEST_F(ScoreTest, TruncatedFile) {
  for (const std::string file : {"q.json", "a.json", "r.json"}) {
    const std::string content = read_text(*this / file);
    cut_in_half(*this / file);
    expect_error(score(), 1, {file + ": ", "truncated", "byte " + std::to_string(content.size() / 2)});
    write_text(*this / file, content);
  }
}

TEST_F(ScoreTest, TruncatedArchive) {
  write_packed(*this / "a.json.gz", read_text(*this / "a.json"));
  cut_in_half(*this / "a.json.gz");
  expect_error(vqa("score --questions q.json --annotations a.json.gz --results r.json"), 1,
               {"a.json.gz: ", "truncated", "byte "});
}

TEST_F(ScoreTest, FileThatIsNoJson) {
  for (const std::string file : {"q.json", "a.json", "r.json"}) {
    const std::string content = read_text(*this / file);
    write_text(*this / file, "<html>not found</html>");
    expect_error(score(), 1, {file + ": ", "no JSON", "byte "});
    write_text(*this / file, content);
  }
}

TEST_F(ScoreTest, JsonOfAnotherShapeNamesTheKey) {
  const std::string questions = read_text(*this / "q.json");
  write_text(*this / "q.json", R"({"items": []})");
  expect_error(score(), 1, {"q.json: ", "'questions'"});
  write_text(*this / "q.json", R"({"questions": [{"question_id": 1, "question": "Is it?"}]})");
  expect_error(score(), 1, {"q.json: ", "'image_id'"});
  write_text(*this / "q.json", R"({"questions": [{"question_id": "one", "image_id": 1, "question": "Is it?"}]})");
  expect_error(score(), 1, {"q.json: ", "'question_id'"});
  write_text(*this / "q.json", questions);

  const std::string annotations = read_text(*this / "a.json");
  write_text(*this / "a.json", questions);
  expect_error(score(), 1, {"a.json: ", "'annotations'"});
  write_text(*this / "a.json", R"({"annotations": 3})");
  expect_error(score(), 1, {"a.json: ", "'annotations'"});
  write_text(*this / "a.json", annotations);

  write_text(*this / "r.json", R"({"results": []})");
  expect_error(score(), 1, {"r.json: ", "results"});
  write_text(*this / "r.json", R"([{"question_id": 1}])");
  expect_error(score(), 1, {"r.json: ", "'answer'"});
}

TEST_F(ScoreTest, QuestionsAndAnnotationsOfDifferentSets) {
  json questions = read_json(*this / "q.json");
  const std::string id = questions["questions"][7]["question_id"].dump();
  questions["questions"].erase(7);
  write_text(*this / "q.json", questions.dump());
  expect_error(score(), 1, {"q.json: ", id});
  fs::copy_file(*this / kValQuestions, *this / "q.json", fs::copy_options::overwrite_existing);
  json annotations = read_json(*this / "a.json");
  annotations["annotations"].erase(7);
  write_text(*this / "a.json", annotations.dump());
  expect_error(score(), 1, {"a.json: ", id});
}

TEST_F(ScoreTest, QuestionAnsweredTwice) {
  results_.push_back(results_[5]);
  write_results();
  expect_error(score(), 1, {"r.json: ", results_[5]["question_id"].dump(), "two"});
}

TEST_F(ScoreTest, QuestionWithoutResult) {
  const std::string id = results_[5]["question_id"].dump();
  results_.erase(5);
  write_results();
  expect_error(score(" --json out.json"), 1, {"r.json: ", id});
  EXPECT_FALSE(fs::exists(*this / "out.json"));
}

TEST_F(ScoreTest, ResultOfAnUnknownQuestion) {
  results_.push_back({{"question_id", 987654}, {"answer", "yes"}});
  write_results();
  expect_error(score(), 1, {"r.json: ", "987654"});
}

TEST_F(ScoreTest, ReadsArchives) {
  for (const std::string file : {"q.json", "a.json", "r.json"}) {
    write_packed(*this / (file + ".gz"), read_text(*this / file));
  }
  const Outcome plain = score();
  const Outcome packed = vqa("score --questions q.json.gz --annotations a.json.gz --results r.json.gz");
  expect_done(packed);
  EXPECT_EQ(packed.out, plain.out);
}

TEST_F(ScoreTest, ReportThatCannotBeWritten) {
  const auto before = listing(folder());
  for (const std::string file : {"q.json/out.json", "shapes", "/dev/full"}) {
    const Outcome outcome = score(" --json " + file);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, ::testing::StartsWith("vqa: " + file + ": "));
    EXPECT_EQ(lines(outcome.err).size(), 1u);
  }
  expect_same(listing(folder()), before);
}

}  // namespace
}  // namespace cli
