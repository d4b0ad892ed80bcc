// The README's commands work as they stand there.
#include <regex>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

/// The command lines of the program in ```sh blocks, continued lines joined, without the program's path.
std::vector<std::string> program_lines(const std::string& markdown) {
  std::vector<std::string> found;
  std::string command;
  bool inside = false;
  for (const std::string& line : lines(markdown)) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
      command.clear();
      continue;
    }
    if (!inside) continue;
    command += command.empty() ? line : " " + line;
    if (command.ends_with("\\")) {
      command.pop_back();
      continue;
    }
    std::smatch match;
    static const std::regex kProgram("(?:build/release/bin/)?vqa (.*)");
    if (std::regex_match(command, match, kProgram)) found.push_back(match[1]);
    command.clear();
  }
  return found;
}

/// The command with flags that make it short in place of its own. Names of pictures stay what they are.
std::string shortened(const std::string& command) {
  const std::string data = " --validation-images 10 --questions-per-image 1";
  const std::string training = " --split val --val-split '' --min-answer-count 1 --epochs 1 --threads 1" + kSmall;
  const std::string flags = command.starts_with("data shapes ") ? data : command.starts_with("train ") ? training : "";
  std::string line = command.substr(0, command.find(" #"));
  const std::vector<std::string> all = words(flags);
  for (size_t i = 0; i + 1 < all.size(); i += 2) {
    line = std::regex_replace(line, std::regex(" " + all[i] + "[ =]\\S+"), "");
  }
  return line + flags;
}

class ReadmeTest : public CliTest {};

TEST_F(ReadmeTest, ItsCommandsWork) {
  const fs::path readme = VQA_SOURCE_DIR "/README.md";
  const std::vector<std::string> commands = program_lines(read_text(readme));
  ASSERT_FALSE(commands.empty()) << "README.md shows no command of vqa";
  // In an empty folder, where a command finds only what those before it made.
  for (const std::string& command : commands) {
    const std::string line = "'" + vqa_program().string() + "' " + shortened(command);
    const Outcome outcome = run({"sh", "-c", line}, {.folder = folder()});
    ASSERT_EQ(outcome.code, 0) << command << "\n" << outcome.err;
  }
}

TEST_F(ReadmeTest, LinesAreFound) {
  const std::string markdown =
      "vqa outside\n```sh\ntools/setup\nvqa data shapes --out shapes\nbuild/release/bin/vqa train \\\n  --out m "
      "--epochs 9\n"
      "```\n```\nvqa of no shell\n```\n";
  const std::vector<std::string> found = program_lines(markdown);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], "data shapes --out shapes");
  EXPECT_EQ(words(found[1]), words("train --out m --epochs 9"));
  EXPECT_EQ(words(shortened(found[1]))[2], "m");
  EXPECT_EQ(shortened(found[1]).find("--epochs 9"), std::string::npos);
}

}  // namespace
}  // namespace cli
