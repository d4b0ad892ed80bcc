#include "tools/commands/commands.h"

#include <algorithm>
#include <sstream>

#include "data/settings.h"
#include "tools/commands/usage.h"

namespace tools {

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"data shapes", "draw the embedded set of pictures, questions and answers", data_shapes},
      {"data check", "say what a data folder holds and what is wrong with it", data_check},
      {"data tokenizer", "make a SentencePiece model of questions", data_tokenizer},
      {"train", "train a model", train},
      {"eval", "answer a split with a model and score the answers", eval},
      {"score", "score a file of results", score},
      {"answer", "answer questions about a picture", answer},
      {"extract", "make a store of grid features from pictures", extract},
      {"import", "make a model of another program's checkpoint", import_model},
      {"export", "write a model's weights for other programs", export_model},
      {"info", "describe a model, a tensor file or a grid store", info},
  };
  return all;
}

bool is_group(const std::string& word) {
  return std::any_of(commands().begin(), commands().end(),
                     [&](const Command& command) { return command.name.starts_with(word + " "); });
}

std::pair<const Command&, std::vector<std::string>> find_command(const std::vector<std::string>& arguments) {
  for (const Command& command : commands()) {
    std::istringstream words(command.name);
    size_t count = 0;
    bool same = true;
    for (std::string word; words >> word; ++count) same = same && count < arguments.size() && arguments[count] == word;
    if (same) return {command, {arguments.begin() + static_cast<std::ptrdiff_t>(count), arguments.end()}};
  }
  std::string given = arguments[0];
  if (is_group(given) && arguments.size() > 1) given += " " + arguments[1];
  throw UsageError("'" + given + "' is not a command; there are " + data::listed(data::names_of(commands())));
}

}  // namespace tools
