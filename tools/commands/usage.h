// What the commands' options have in common.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace tools {

/// Wrong usage: exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How a command is called: for its help.
struct Usage {
  std::string line;         // "vqa score --questions Q ..."
  std::string explanation;  // a few sentences
};

/// Parses a command's arguments, adding --help. `positional` names the option that takes the arguments without a name,
/// empty for none. Prints help and returns nothing where --help is given. Throws UsageError or
/// boost::program_options::error; flags may not be shortened.
std::optional<boost::program_options::variables_map> parse(const Usage& usage,
                                                           const boost::program_options::options_description& options,
                                                           const std::vector<std::string>& arguments,
                                                           const std::string& positional = "");

/// A word as a shell takes it: 'a b'.
std::string quoted(const std::string& word);

}  // namespace tools
