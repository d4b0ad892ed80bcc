// Runs programs as a user would.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cli {

struct RunOptions {
  std::filesystem::path folder = {};                      // working folder; empty for this process's own
  std::map<std::string, std::string> environment = {};    // besides this process's own
  std::filesystem::path out = {};                         // where stdout goes instead of into Outcome::out
  bool terminal = false;                                  // stderr is a terminal
  int signal = 0;                                         // sent once at the moment that the next two tell; 0 for never
  double after = 0;                                       // seconds after the start
  std::function<bool(const std::string& err)> when = {};  // asked every few milliseconds; empty for no condition
};

struct Outcome {
  int code = 0;     // exit code; 128 and the signal's number where a signal ended it
  std::string out;  // stdout
  std::string err;  // stderr
  double seconds = 0;
};

/// Runs a program to its end. Throws std::runtime_error where it cannot be started, or takes longer than five minutes.
Outcome run(const std::vector<std::string>& command, const RunOptions& options = {});

/// The words of a line, divided by blanks; 'several of them' between quotes are one.
std::vector<std::string> words(const std::string& line);

/// Path of the built program.
std::filesystem::path vqa_program();

/// Runs `vqa` with the words of `line`.
Outcome vqa(const std::string& line, const RunOptions& options = {});

}  // namespace cli
