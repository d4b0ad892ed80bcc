// vqa export: a model's weights for other programs.
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "data/safetensors.h"
#include "data/settings.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/usage.h"
#include "vqa/describe.h"
#include "vqa/export_weights.h"

namespace tools {
namespace po = boost::program_options;

int export_model(const std::vector<std::string>& arguments) {
  std::string model, out, names = vqa::export_names().front();
  po::options_description options("Options");
  options.add_options()("model", po::value(&model)->required(), "the model's folder")(
      "out", po::value(&out)->required(), "the .safetensors file to write")(
      "names", po::value(&names)->default_value(names),
      ("whose names the tensors get: " + data::listed(vqa::export_names())).c_str());
  const Usage usage{
      "vqa export --model BUNDLE --out FILE.safetensors [--names own]",
      "Writes a model's weights as one new safetensors file, and lists its tensors. A softmax MCAN of given features\n"
      "can have the names that openvqa or mcan-vqa give them."};
  if (!parse(usage, options, arguments)) return 0;
  data::check_name("names", names, vqa::export_names());
  if (std::filesystem::exists(out)) throw std::runtime_error(out + ": exists already; name another file with --out");
  catch_interrupts();
  const data::TensorFile weights = vqa::exported_weights(vqa::Bundle::load(model), names);
  require_not_interrupted();
  data::write_safetensors(out, weights);
  std::cout << vqa::describe(out);
  return 0;
}

}  // namespace tools
