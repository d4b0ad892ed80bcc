// The command line: `vqa COMMAND ...`. Parses, calls the library, turns an exception into one line and an exit code.
#include <c10/util/Exception.h>
#include <boost/program_options/errors.hpp>
#include <opencv2/core.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "tools/commands/commands.h"
#include "tools/commands/usage.h"
#include "vqa/version.h"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr const char* kNoMemory = "there is not enough memory; choose a smaller batch, image size or model";

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h" || word == "help"; }

/// `group`: only commands whose names begin with this word and a blank; empty for all.
void print_help(const std::string& group = "") {
  std::cout << "vqa answers questions about images, and learns to.\n\nUsage: vqa COMMAND [OPTIONS]\n\nCommands:\n";
  for (const tools::Command& command : tools::commands()) {
    if (!group.empty() && !command.name.starts_with(group + " ")) continue;
    std::cout << "  " << command.name << std::string(16 - command.name.size(), ' ') << command.summary << "\n";
  }
  std::cout << "\nvqa COMMAND --help explains a command; vqa --version prints the version.\n"
               "Results go to stdout, messages to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage.\n";
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    print_help();
    return kWrongUsage;
  }
  if (asks_for_help(arguments[0])) {
    print_help();
    return 0;
  }
  if (arguments.size() > 1 && asks_for_help(arguments[1]) && tools::is_group(arguments[0])) {
    print_help(arguments[0]);
    return 0;
  }
  if (arguments[0] == "--version") {
    std::cout << "vqa " << vqa::kVersion << "\n";
    return 0;
  }
  const auto [command, rest] = tools::find_command(arguments);
  return command.run(rest);
}

/// LibTorch's messages carry a back-trace after their first line.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

int report(const std::string& message, int code) {
  std::cerr << "vqa: " << first_line(message) << std::endl;
  return code;
}

int run_and_report(const std::vector<std::string>& arguments) {
  // Images are decoded side by side already; OpenCV's own threads would only get in their way.
  cv::setNumThreads(1);
  try {
    const int code = run(arguments);
    std::cout.flush();
    if (!std::cout) return report("standard output: cannot be written; is the disk full?", kFailed);
    return code;
  } catch (const tools::UsageError& error) {
    return report(error.what(), kWrongUsage);
  } catch (const boost::program_options::error& error) {
    return report(error.what(), kWrongUsage);
  } catch (const std::invalid_argument& error) {
    return report(error.what(), kWrongUsage);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    const bool memory = what.find("can't allocate memory") != what.npos || what.find("out of memory") != what.npos;
    return report(memory ? kNoMemory : what, kFailed);
  } catch (const std::bad_alloc&) {
    return report(kNoMemory, kFailed);
  } catch (const std::filesystem::filesystem_error& error) {
    return report(error.path1().string() + ": " + error.code().message(), kFailed);
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int code = run_and_report({argv + 1, argv + argc});
  // All is written; taking LibTorch's tables apart would only take time. Leaks are looked for when a program returns.
#ifdef __SANITIZE_ADDRESS__
  return code;
#else
  std::quick_exit(code);
#endif
}
