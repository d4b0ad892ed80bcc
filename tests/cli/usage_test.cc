// How the program is called: help, version, exit codes, and what goes where.
#include "tests/cli/cli_test.h"

namespace cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class UsageTest : public CliTest {};

const std::map<std::string, std::vector<std::string>> kFlags{
    {"data shapes", {"--out", "--images", "--seed"}},
    {"data check", {"--min-answer-count"}},
    {"data tokenizer", {"--questions", "--out", "--vocab-size", "--lower-case", "--keep-accents"}},
    {"train",
     {"--data", "--out", "--preset", "--config", "--resume", "--device", "--attention", "--epochs", "--split",
      "--model", "--augment-crop", "--augment-rotate", "--augment-brightness", "--augment-contrast",
      "--augment-words"}},
    {"eval", {"--model", "--data", "--split", "--results", "--json", "--prior", "--device"}},
    {"score", {"--questions", "--annotations", "--results", "--rule", "--json"}},
    {"answer",
     {"--model", "--image", "--question", "--top", "--overlay", "--json", "--device", "--features", "--force",
      "--weights"}},
    {"import", {"--from", "--questions", "--answers", "--out", "--heads", "--features", "--weights"}},
    {"export", {"--model", "--out", "--names"}},
    {"info", {}},
};

TEST_F(UsageTest, HelpOfTheProgramNamesEveryCommand) {
  const Outcome help = vqa("--help");
  expect_done(help);
  EXPECT_EQ(help.err, "");
  for (const auto& [command, flags] : kFlags) EXPECT_THAT(help.out, HasSubstr("  " + command));
}

TEST_F(UsageTest, HelpOfAGroupNamesItsCommandsAlone) {
  const Outcome help = vqa("data --help");
  expect_done(help);
  EXPECT_THAT(help.out, HasSubstr("  data check"));
  EXPECT_THAT(help.out, Not(HasSubstr("  train")));
}

TEST_F(UsageTest, HelpOfACommandNamesEveryFlag) {
  for (const auto& [command, flags] : kFlags) {
    const Outcome help = vqa(command + " --help");
    expect_done(help);
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, HasSubstr("Usage: vqa " + command));
    for (const std::string& flag : flags) EXPECT_THAT(help.out, HasSubstr("  " + flag + " ")) << command;
  }
}

TEST_F(UsageTest, Version) {
  const Outcome version = vqa("--version");
  expect_done(version);
  EXPECT_THAT(version.out, ::testing::MatchesRegex("vqa [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(UsageTest, NoCommandIsWrongUsage) {
  const Outcome nothing = vqa("");
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.out + nothing.err, HasSubstr("--help"));
}

TEST_F(UsageTest, UnknownCommandIsWrongUsageAndNamesTheKnown) {
  expect_error(vqa("trian --data shapes"), 2, {"'trian'", "train", "eval", "answer"});
  expect_error(vqa("data chek"), 2, {"'data chek'", "data check"});
  expect_error(vqa("data"), 2, {"'data'", "data shapes"});
}

TEST_F(UsageTest, UnknownFlagIsNamed) {
  for (const std::string command : {"data check", "train", "info"}) {
    expect_error(vqa(command + " --colour blue"), 2, {"'--colour'", "vqa " + command + " --help'"});
  }
}

TEST_F(UsageTest, FlagsAreNotShortened) {
  // A new flag must never change what an old script means.
  expect_error(vqa("score --quest q.json --annotations a.json --results r.json"), 2, {"--quest"});
}

TEST_F(UsageTest, MissingFlagIsNamed) {
  expect_error(vqa("train --data shapes"), 2, {"--out"});
  expect_error(vqa("eval --data shapes"), 2, {"--model"});
  expect_error(vqa("answer --model m --image p.png"), 2, {"--question"});
  expect_error(vqa("data check"), 2, {"DIR"});
  expect_error(vqa("info"), 2, {"FILE_OR_BUNDLE"});
}

TEST_F(UsageTest, ValuesThatAreNotAllowedAreNamed) {
  expect_error(vqa("data shapes --out shapes --images 0"), 2, {"images", "0", "1"});
  expect_error(vqa("train --data d --out m --preset shape"), 2, {"preset", "'shape'", "shapes, mcan-small"});
  expect_error(vqa("train --data d --out m --dim ten"), 2, {"dim", "'ten'"});
  expect_error(vqa("train --data d --out m --epochs 0"), 2, {"epochs", "epochs: 0", "1 or more"});
  expect_error(vqa("train --data d --out m --heads 5"), 2, {"heads", "5", "96"});
  expect_error(vqa("train --data d --out m --threads -2"), 2, {"threads", "-2"});
  expect_error(vqa("answer --model m --image p.png --question 'How many?' --top 0"), 2, {"top", "0", "1 or more"});
  EXPECT_TRUE(listing(folder()).empty()) << "wrong usage leaves nothing behind";
}

TEST_F(UsageTest, UnknownSplitIsNamedWithTheKnown) {
  give_shapes();
  expect_error(vqa("train --data shapes --out m --split vall"), 2, {"'vall'", "train, val, test"});
  expect_error(vqa("eval --prior --data shapes --split val+val"), 2, {"val"});
  EXPECT_FALSE(std::filesystem::exists(*this / "m"));
}

TEST_F(UsageTest, DevicesAreNamed) {
  give_all();
  const std::string answer = "answer --model m --image picture.png --question 'How many?' --device ";
  expect_error(vqa(answer + "gpu"), 2, {"device", "'gpu'", "cpu, cuda"});
  expect_error(vqa(answer + "cuda:99"), 1, {"cuda:99", "--device cpu"});
}

TEST_F(UsageTest, NoProgressIsDrawnWhereStderrIsNoTerminal) {
  give_shapes();
  const Outcome training = vqa("train --data shapes --out m --epochs 1" + kTiny);
  expect_done(training);
  EXPECT_THAT(training.err, Not(HasSubstr("\r")));
  EXPECT_THAT(training.err, Not(HasSubstr("\033")));
}

TEST_F(UsageTest, ProgressIsDrawnOnATerminal) {
  give_shapes();
  const Outcome training = vqa("train --data shapes --out m --epochs 1" + kTiny, {.terminal = true});
  expect_done(training);
  EXPECT_THAT(training.err, HasSubstr("\r"));
  EXPECT_THAT(training.err, HasSubstr("epoch 1/1"));
  EXPECT_THAT(training.err, HasSubstr("loss "));
  EXPECT_THAT(training.out, Not(HasSubstr("\r")));
}

}  // namespace
}  // namespace cli
