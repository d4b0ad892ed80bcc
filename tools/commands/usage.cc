#include "tools/commands/usage.h"

#include <algorithm>
#include <iostream>

namespace tools {
namespace po = boost::program_options;

std::optional<po::variables_map> parse(const Usage& usage, const po::options_description& options,
                                       const std::vector<std::string>& arguments, const std::string& positional) {
  po::options_description all(options);
  all.add_options()("help,h", "this text");
  // Before parsing, so that an option that is missing or wrong does not hide the help.
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end() ||
      std::find(arguments.begin(), arguments.end(), "-h") != arguments.end()) {
    std::cout << "Usage: " << usage.line << "\n\n" << usage.explanation << "\n\n" << all;
    return std::nullopt;
  }
  po::positional_options_description places;
  if (!positional.empty()) places.add(positional.c_str(), -1);
  const auto style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  po::variables_map values;
  // "vqa data check DIR [OPTIONS]" -> "vqa data check"
  const std::string command = usage.line.substr(0, usage.line.find_first_of("-[ABCDEFGHIJKLMNOPQRSTUVWXYZ") - 1);
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(places).style(style).run(), values);
    po::notify(values);
  } catch (const po::error& error) {
    throw UsageError(std::string(error.what()) + "; usage: " + usage.line + "; see '" + command + " --help'");
  }
  return values;
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789/._-+:,=@%") == word.npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace tools
