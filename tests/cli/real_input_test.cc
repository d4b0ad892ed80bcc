// Real questions about real photographs, from training to answers.
#include "data/vqa_accuracy.h"
#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

class RealInputTest : public CliTest {
 protected:
  void SetUp() override {
    if (!fs::exists(data_)) GTEST_SKIP() << "needs photographs beside the checkout: " << data_ << " is not there";
  }
  const fs::path data_ = fs::path(VQA_SOURCE_DIR) / ".." / "shared" / "vqa2-mini";
};

/// The overall accuracy in a file that `eval --json` wrote.
double overall(const fs::path& json) { return read_json(json)["accuracy"]["overall"]; }

TEST_F(RealInputTest, LearnsItsTrainingQuestionsAndAnswersOthers) {
  expect_done(vqa("train --data " + data_.string() +
                  " --out m --min-answer-count 1 --image-size 96 --epochs 60 --batch-size 16 --dropout 0 --val-split ''"
                  " --learning-rate 1e-3 --workers 1"));
  expect_done(vqa("eval --model m --data " + data_.string() + " --split train --json train.json"));

  const double best = data::best_possible_accuracy(
      data::read_annotations(data_ / "v2_mscoco_train2014_annotations.json"), data::AccuracyRule::kOfficial);
  EXPECT_GE(overall(folder() / "train.json"), 0.95 * best);

  expect_done(vqa("eval --model m --data " + data_.string() + " --split val --results results.json"));
  EXPECT_EQ(read_json(folder() / "results.json").size(), 28u);
  const std::string val = data_.string() + "/v2_";
  expect_done(vqa("score --questions " + val + "OpenEnded_mscoco_val2014_questions.json --annotations " + val +
                  "mscoco_val2014_annotations.json --results results.json"));

  const Outcome answer = vqa("answer --model m --image " + data_.string() +
                             "/val2014/COCO_val2014_000000000109.jpg --question 'What is in the picture?'");
  expect_done(answer);
  EXPECT_EQ(lines(answer.out).size(), 6u);  // the question and five answers
}

}  // namespace
}  // namespace cli
