// vqa info: what a model, a tensor file or a grid store is.
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "data/grid_store.h"
#include "tools/commands/commands.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/usage.h"
#include "vqa/describe.h"
#include "vqa/describe_grid_store.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

/// By its first bytes; a store that is not there may be one that is being written.
bool is_grid_store(const fs::path& path) {
  constexpr std::string_view kHdf5("\x89HDF\r\n\x1a\n");
  if (!fs::exists(path)) return fs::exists(data::unfinished_path(path));
  std::string first(kHdf5.size(), '\0');
  std::ifstream in(path, std::ios::binary);
  return fs::is_regular_file(path) && in.read(first.data(), static_cast<std::streamsize>(first.size())) &&
         first == kHdf5;
}

void verify(const data::GridStore& store) {
  ProgressBar bar("verifying");
  const std::vector<data::DamagedGrid> damaged =
      data::find_damaged(store, [&](int64_t done, int64_t total) { bar.update(done, total); });
  bar.clear();
  if (damaged.empty()) {
    std::cout << "checksums           all are right\n";
    return;
  }
  throw std::runtime_error(store.path().string() + ": features differ from their checksums for " +
                           vqa::summary(damaged) + "; make the store again with vqa extract");
}

}  // namespace

int info(const std::vector<std::string>& arguments) {
  std::string path;
  bool verifies = false;
  po::options_description options("Options");
  options.add_options()(
      "path", po::value(&path)->required(),
      "a model's folder, a file of weights (.safetensors, PyTorch's or TorchScript's) or a grid store")(
      "verify", po::bool_switch(&verifies), "read all of a grid store and compare it with its checksums");
  const Usage usage{
      "vqa info FILE_OR_BUNDLE [--verify]",
      "Describes a model (settings, parameters, training), a file of weights (names, types, shapes) or a\n"
      "store of grid features."};
  if (!parse(usage, options, arguments, "path")) return 0;
  if (!is_grid_store(path)) {
    if (verifies && fs::exists(path))
      throw UsageError("verify: " + path + " is no grid store; only they have checksums");
    std::cout << vqa::describe(path);
    return 0;
  }
  const data::GridStore store(path);
  std::cout << vqa::describe(store) << std::flush;
  if (verifies) verify(store);
  return 0;
}

}  // namespace tools
