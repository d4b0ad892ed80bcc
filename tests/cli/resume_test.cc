// Training that is killed, interrupted, resumed, or that replaces a model.
#include <csignal>
#include <random>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ResumeTest : public CliTest {
 protected:
  void SetUp() override { give_shapes(); }

  /// A run that was stopped and resumed is the same as the one that made the model of give_model, which was not.
  void expect_same_run(const std::string& resumed) const {
    give_model("whole");
    for (const char* file :
         {"model.safetensors", "last/model.safetensors", "config.json", "answers.txt", "words.txt"}) {
      EXPECT_TRUE(read_text(*this / (resumed + "/" + file)) == read_text(*this / ("whole/" + std::string(file))))
          << file;
    }
    EXPECT_EQ(read_text(*this / (resumed + "/metrics.jsonl")), read_text(*this / "whole/metrics.jsonl"));
    fs::remove_all(*this / "whole");
  }
  void expect_no_temporaries() const {
    for (const auto& [path, what] : listing(folder())) {
      EXPECT_EQ(path.find(".tmp"), std::string::npos) << path;
      EXPECT_EQ(path.find(".new"), std::string::npos) << path;
    }
  }
  Outcome answer(const std::string& model) const {
    return vqa("answer --json --model " + model + " --image " + kValPicture +
               " --question 'How many stars are there?'");
  }
};

/// The line with the second text where the first was.
std::string with(std::string line, const std::string& what, const std::string& instead) {
  return line.replace(line.find(what), what.size(), instead);
}

const std::string kTrain = kTraining + " --out m";
const std::string kTrainSavingSeldom = with(kTrain, " --save-every 1", "");

TEST_F(ResumeTest, KilledAtAnyMomentEndsInTheSameBytes) {
  const Outcome whole = vqa(kTrain);
  expect_done(whole);
  expect_same_run("m");
  fs::remove_all(*this / "m");
  std::mt19937 random(20140814);
  // From before the first step to well into the run, on a machine of any speed.
  std::uniform_real_distribution<double> moment(0.1 * whole.seconds, 0.6 * whole.seconds);
  int kills = 0;
  Outcome part = vqa(kTrain, {.signal = SIGKILL, .after = moment(random)});
  while (part.code == 128 + SIGKILL && ++kills < 40) {
    const double slack = 1 + 0.05 * kills;  // where the machine has become slower meanwhile
    part = vqa(kTrain + " --resume", {.signal = SIGKILL, .after = slack * moment(random)});
  }
  expect_done(part);
  EXPECT_GE(kills, 2);
  expect_same_run("m");
  expect_no_temporaries();
}

TEST_F(ResumeTest, KilledWithoutSavedStepsEndsInTheSameBytes) {
  // The state is saved at the end of an epoch alone: the epoch under way is done again.
  const Outcome killed = vqa(kTrainSavingSeldom, {.signal = SIGKILL, .when = has_said("epoch 2/3")});
  EXPECT_EQ(killed.code, 128 + SIGKILL);
  expect_done(vqa(kTrainSavingSeldom + " --resume"));
  write_text(*this / "m/config.json",
             with(read_text(*this / "m/config.json"), "\"save-every\": 0", "\"save-every\": 1"));
  expect_same_run("m");
}

TEST_F(ResumeTest, CtrlCSavesAndTellsHowToGoOn) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Outcome stopped = vqa(kTrain + (signal == SIGINT ? "" : " --resume"),
                                {.signal = signal, .when = has_said(signal == SIGINT ? "epoch 1/3" : "epoch 2/3")});
    expect_error_after_progress(stopped, 1, {"vqa train --resume --data shapes --out m --threads 1"});
  }
  expect_done(vqa("train --resume --data shapes --out m --threads 1"));  // what the line says
  expect_same_run("m");
}

TEST_F(ResumeTest, FinishedRunResumedStaysAsItIs) {
  give_model();
  expect_done(vqa(kTrain + " --resume"));
  expect_same_run("m");
}

TEST_F(ResumeTest, ChangedSettingsAreRefused) {
  give_model();
  write_text(*this / "c", "seed = 9\n");
  const auto before = listing(folder());
  expect_error(vqa(with(kTrain, "--dim 16", "--dim 32") + " --resume"), 2, {"dim", "16", "32"});
  expect_error(vqa(kTrain + " --resume --seed 9"), 2, {"seed", "1", "9"});
  expect_error(vqa("train --data shapes --out m --resume --preset mcan-small"), 2, {"m"});
  expect_error(vqa("train --data shapes --out m --resume --config c"), 2, {"seed"});
  expect_same(listing(folder()), before);
}

TEST_F(ResumeTest, OtherDataAreRefused) {
  give_model();
  const auto before = listing(*this / "m");
  expect_done(vqa("data shapes --out other --images 20 --validation-images 10"));
  expect_error_after_progress(vqa("train --data other --out m --resume --threads 1"), 1, {"m/last", "320", "160"});
  expect_same(listing(*this / "m"), before);
}

TEST_F(ResumeTest, NothingToResumeStartsFromTheBeginning) {
  const Outcome training = vqa(kTrain + " --resume");
  expect_done(training);
  EXPECT_THAT(training.err, HasSubstr("nothing to resume"));
  expect_same_run("m");
}

TEST_F(ResumeTest, DamagedStateIsTold) {
  for (const std::string file : {"m/last/training.safetensors", "m/last/model.safetensors", "m/last/config.json"}) {
    give_model();
    cut_in_half(*this / file);
    expect_error_after_progress(vqa(kTrain + " --resume"), 1, {file});
    fs::remove_all(*this / "m");
  }
}

TEST_F(ResumeTest, KilledBeforeAnythingWasSavedStartsAgain) {
  const std::string line = with(kTrainSavingSeldom, "--epochs 3", "--epochs 1");
  for (const std::string flag : {"", " --resume"}) {
    fs::remove_all(*this / "m");
    const Outcome killed = vqa(line, {.signal = SIGKILL, .when = has_said("parameters")});
    ASSERT_EQ(killed.code, 128 + SIGKILL);
    expect_done(vqa(line + flag));
  }
}

TEST_F(ResumeTest, OldModelIsKeptUntilTheNewOneIsComplete) {
  give_model();
  fs::remove_all(*this / "m/last");  // as an older program's, or one that was given away
  const auto before = listing(*this / "m");
  const Outcome old = answer("m");
  for (const std::string moment : {"parameters", "epoch 2/3"}) {
    const Outcome killed = vqa(kTrain + " --seed 2", {.signal = SIGKILL, .when = has_said(moment)});
    ASSERT_EQ(killed.code, 128 + SIGKILL) << moment;
    expect_same(listing(*this / "m"), before);
    EXPECT_EQ(answer("m").out, old.out);
  }
  expect_done(vqa(kTrain + " --seed 2 --resume"));
  EXPECT_EQ(read_json(*this / "m/config.json")["training"]["seed"], 2);
  EXPECT_NE(answer("m").out, old.out);
  expect_no_temporaries();
}

// A model that was given away has nothing to resume: a new run, by other settings, took its place in the end.
TEST_F(ResumeTest, AModelWithoutItsStateIsNotReplaced) {
  give_model();
  fs::remove_all(*this / "m/last");
  const auto before = listing(*this / "m");
  expect_error(vqa(kTrain + " --seed 2 --resume"), 1, {"m: holds a model", "--model", "without --resume"});
  expect_same(listing(*this / "m"), before);
}

TEST_F(ResumeTest, NewRunOverAModelIsResumedNotTheOldOne) {
  // Killed before its first state was saved: what is resumed is the new run, from its beginning.
  give_model();
  const std::string line = with(kTrainSavingSeldom, "--epochs 3", "--epochs 1") + " --seed 2";
  const Outcome killed = vqa(line, {.signal = SIGKILL, .when = has_said("parameters")});
  ASSERT_EQ(killed.code, 128 + SIGKILL);
  expect_done(vqa(line + " --resume"));
  EXPECT_EQ(read_json(*this / "m/config.json")["training"]["seed"], 2);
  expect_no_temporaries();
}

TEST_F(ResumeTest, FailedRunOverAModelKeepsIt) {
  give_model();
  const auto before = listing(*this / "m");
  write_text(*this / kTrainPicture, "no picture");
  expect_error_after_progress(vqa(kTrain), 1, {kTrainPicture});
  expect_same(listing(*this / "m"), before);
}

}  // namespace
}  // namespace cli
