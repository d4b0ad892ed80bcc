// vqa data tokenizer, and training with SentencePiece.
#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class TokenizerTest : public CliTest {
 protected:
  void SetUp() override { give_shapes(); }
  Outcome tokenizer(const std::string& flags) const { return vqa("data tokenizer --questions " + flags); }
};

TEST_F(TokenizerTest, MakesAModelOfSeveralFiles) {
  write_packed(*this / "val.json.gz", read_text(*this / kValQuestions));
  const Outcome training = tokenizer(kTrainQuestions + " val.json.gz --out new/folder --vocab-size 60");
  expect_done(training);
  EXPECT_EQ(training.err, "");
  EXPECT_THAT(training.out, MatchesRegex("new/folder/spiece.model: 60 pieces of 400 questions, [0-9]+\\.[0-9][0-9] "
                                         "tokens a question with \\[CLS\\] and \\[SEP\\]\n"));
  EXPECT_EQ(listing(*this / "new").size(), 2U);
  for (const char* piece : {"<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"})
    EXPECT_THAT(read_text(*this / "new/folder/spiece.model"), HasSubstr(piece));
}

TEST_F(TokenizerTest, SameQuestionsGiveTheSameBytes) {
  for (const std::string out : {"a", "b"}) expect_done(tokenizer(kTrainQuestions + " --out " + out));
  expect_done(tokenizer(kTrainQuestions + " --out c --lower-case false"));
  EXPECT_EQ(read_text(*this / "a/spiece.model"), read_text(*this / "b/spiece.model"));
  EXPECT_NE(read_text(*this / "a/spiece.model"), read_text(*this / "c/spiece.model"));
}

TEST_F(TokenizerTest, ReplacesAModelAndNothingElse) {
  fs::create_directory(*this / "out");
  write_text(*this / "out/spiece.model", "old");
  write_text(*this / "out/notes.txt", "mine");
  expect_error(tokenizer(kTrainQuestions + " --out out --vocab-size 9"), 1, {"9 pieces", "ask for more pieces"});
  EXPECT_EQ(read_text(*this / "out/spiece.model"), "old");
  expect_done(tokenizer(kTrainQuestions + " --out out"));
  EXPECT_GT(fs::file_size(*this / "out/spiece.model"), 100U);
  EXPECT_EQ(read_text(*this / "out/notes.txt"), "mine");
  EXPECT_EQ(listing(*this / "out").size(), 2U);
}

TEST_F(TokenizerTest, WrongUsage) {
  const auto before = listing(folder());
  expect_error(vqa("data tokenizer --out out"), 2, {"questions"});
  expect_error(tokenizer(kTrainQuestions), 2, {"out"});
  expect_error(tokenizer(kTrainQuestions + " --out out --vocab-size 7"), 2, {"vocab-size: 7; allowed is 8 to 1000000"});
  expect_error(tokenizer(kTrainQuestions + " --out out --vocab-size many"), 2, {"vocab-size"});
  expect_error(tokenizer(kTrainQuestions + " --out out --lower-case maybe"), 2, {"lower-case"});
  expect_same(listing(folder()), before);
}

TEST_F(TokenizerTest, BadQuestions) {
  write_text(*this / "none.json", "{\"questions\": []}");
  write_text(*this / "bytes.json", "{\"questions\": [{\"question_id\": 7, \"image_id\": 1, \"question\": \" \"}]}");
  write_text(*this / "file", "");
  const auto before = listing(folder());
  expect_error(tokenizer("nowhere.json --out out"), 1, {"nowhere.json: "});
  expect_error(tokenizer(kTrainQuestions + " none.json --out out"), 1, {"none.json: holds no questions"});
  expect_error(tokenizer("bytes.json --out out"), 1, {"question 7: the question is empty"});
  expect_error(tokenizer(kTrainAnnotations + " --out out"), 1, {kTrainAnnotations + ": "});
  expect_error(tokenizer(kTrainQuestions + " --out file"), 1, {"file: is no folder"});
  expect_error(tokenizer(kTrainQuestions + " --out /proc/out"), 1, {"/proc/out"});
  expect_same(listing(folder()), before);
}

TEST_F(TokenizerTest, AQuestionWithNulBytesOrOfAnyScript) {
  write_text(*this / "q.json",
             "{\"questions\": [{\"question_id\": 1, \"image_id\": 1, \"question\": \"is\\u0000it red?\"}, "
             "{\"question_id\": 2, \"image_id\": 1, \"question\": \"\\u05de\\u05d4 \\ud83d\\ude42 is it?\"}]}");
  const Outcome training = tokenizer("q.json --out out");
  expect_done(training);
  EXPECT_EQ(training.err, "");
}

}  // namespace
}  // namespace cli
