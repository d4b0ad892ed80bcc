// golden_check --dir DIR --salt N: every golden case, one line each.
#include <boost/program_options.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string>

#include "tests/golden/golden.h"

namespace {

namespace po = boost::program_options;

/// Runs one case and prints its line. True where every quantity is within its tolerance.
bool check(const golden::Case& each, const std::filesystem::path& folder, uint32_t salt) {
  std::cout << std::left << std::setw(18) << each.name << std::flush;
  try {
    // The worst quantity is the one that uses most of its tolerance.
    golden::Comparison worst;
    bool good = true;
    const auto use = [](const golden::Comparison& c) {
      return c.tolerance > 0 ? c.error / c.tolerance : c.error * 1e9;
    };
    const auto comparisons = each.run(folder, salt);
    for (const golden::Comparison& comparison : comparisons) {
      good = good && comparison.error <= comparison.tolerance;
      if (worst.quantity.empty() || use(comparison) > use(worst)) worst = comparison;
    }
    std::cout << std::scientific << std::setprecision(2) << worst.error << "  of at most " << worst.tolerance << " ("
              << worst.quantity << ", worst of " << comparisons.size() << ")" << (good ? "" : "  FAILED") << "\n";
    return good && !comparisons.empty();
  } catch (const std::exception& error) {
    const std::string message = error.what();
    std::cout << "FAILED: " << message.substr(0, message.find('\n')) << "\n";
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  uint32_t salt = 0;
  po::options_description options(
      "Usage: golden_check --dir DIR [--salt N]\n\nComputes every golden case with weights made from the salt and "
      "prints\n"
      "its largest relative error against the files in DIR. Exit code 1 where any is over its tolerance");
  options.add_options()("dir", po::value(&folder)->required(), "folder of golden files")(
      "salt", po::value(&salt)->default_value(salt), "of weights and inputs; the files in DIR were made with the same")(
      "help,h", "this text");
  try {
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, options), values);
    if (values.contains("help")) {
      std::cout << options;
      return 0;
    }
    po::notify(values);
  } catch (const po::error& error) {
    std::cerr << "golden_check: " << error.what() << "\n";
    return 2;
  }
  bool good = true;
  for (const golden::Case& each : golden::cases()) {
    if (const auto missing = each.missing(folder)) {
      std::cout << std::left << std::setw(18) << each.name << "skipped: " << missing->string() << " is not there\n";
      continue;
    }
    good = check(each, folder, salt) && good;
  }
  return good ? 0 : 1;
}
