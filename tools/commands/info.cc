// vqa info: what a model or a tensor file is.
#include <iostream>

#include "tools/commands/commands.h"
#include "tools/commands/usage.h"
#include "vqa/describe.h"

namespace tools {
namespace po = boost::program_options;

int info(const std::vector<std::string>& arguments) {
  std::string path;
  po::options_description options("Options");
  options.add_options()("path", po::value(&path)->required(),
                        "a model's folder, or a file of weights: .safetensors, PyTorch's or TorchScript's");
  const Usage usage{"vqa info FILE_OR_BUNDLE",
                    "Describes a model (settings, parameters, training) or a file of weights (names, types, shapes)."};
  if (!parse(usage, options, arguments, "path")) return 0;
  std::cout << vqa::describe(path);
  return 0;
}

}  // namespace tools
