// Language alone on real questions: minutes of training.
#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

class LanguageTest : public CliTest {
 protected:
  void SetUp() override {
    if (!fs::exists(data_)) GTEST_SKIP() << "needs questions beside the checkout: " << data_ << " is not there";
  }
  const fs::path data_ = fs::path(VQA_SOURCE_DIR) / ".." / "shared" / "vqa2-60k";
};

// Two epochs reach 38; answers by question type alone, which need no network, 33.
TEST_F(LanguageTest, QuestionsAloneTellMoreThanTheirTypes) {
  expect_done(vqa("train --no-image --data " + data_.string() + " --out m --epochs 2 --val-split '' --workers 1"));
  expect_done(vqa("eval --model m --data " + data_.string() + " --json val.json --workers 1"));
  EXPECT_GE(read_json(*this / "val.json")["accuracy"]["overall"].get<double>(), 36.0);
}

}  // namespace
}  // namespace cli
