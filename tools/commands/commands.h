// The commands of the program.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tools {

struct Command {
  std::string name;  // one or two words: "train", "data check"
  std::string summary;
  int (*run)(const std::vector<std::string>& arguments);  // without the name; returns the exit code
};

const std::vector<Command>& commands();

/// Whether commands of two words begin with this one: "data".
bool is_group(const std::string& word);

/// The command that `arguments` begin with, and the arguments after its name. Throws UsageError.
std::pair<const Command&, std::vector<std::string>> find_command(const std::vector<std::string>& arguments);

int data_shapes(const std::vector<std::string>& arguments);
int data_check(const std::vector<std::string>& arguments);
int data_tokenizer(const std::vector<std::string>& arguments);
int train(const std::vector<std::string>& arguments);
int eval(const std::vector<std::string>& arguments);
int score(const std::vector<std::string>& arguments);
int answer(const std::vector<std::string>& arguments);
int extract(const std::vector<std::string>& arguments);
int import_model(const std::vector<std::string>& arguments);
int export_model(const std::vector<std::string>& arguments);
int info(const std::vector<std::string>& arguments);

}  // namespace tools
