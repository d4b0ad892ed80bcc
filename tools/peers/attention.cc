// attention_ours: our side of tools/peers/attention. Writes one layer of attention, its input and what comes of them
// into FILE, and stays for rounds: for each number on stdin it runs the layer that often and prints the seconds that
// one time took.
#include <torch/torch.h>

#include <iostream>
#include <string>

#include "data/safetensors.h"
#include "data/weights.h"
#include "tools/bench/attention_case.h"
#include "tools/bench/stopwatch.h"

namespace {

/// Weights under their names, "input.x", "input.z" and "input.g"; "output", and in training "gradient.0" of x and what
/// follows it in AttentionCase::gradients.
data::TensorFile describe(bench::AttentionCase& layer, bool training) {
  data::TensorFile file = data::network_tensors(layer.layer());
  file.tensors["input.x"] = layer.x();
  if (layer.state().defined()) file.tensors["input.z"] = layer.state();
  file.tensors["input.g"] = layer.g();
  file.tensors["output"] = layer.output();
  if (training) {
    int64_t i = 0;
    for (const torch::Tensor& gradient : layer.gradients())
      file.tensors["gradient." + std::to_string(i++)] = gradient.contiguous();
  }
  for (auto& [name, tensor] : file.tensors) tensor = tensor.detach().contiguous();
  return file;
}

void serve(const bench::AttentionSetting& setting, const std::string& path) {
  torch::manual_seed(1);
  bench::AttentionCase layer(setting);
  data::write_safetensors(path, describe(layer, setting.training));
  std::cout << "ready" << std::endl;
  for (int64_t times = 0; std::cin >> times;) {
    const double seconds = bench::seconds_taken([&] {
      for (int64_t i = 0; i < times; ++i) layer.run();
    });
    std::cout << seconds / static_cast<double>(times) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    std::cerr << "usage: attention_ours KIND DIM HEADS LENGTH inference|training FILE\n";
    return 2;
  }
  try {
    serve({.kind = argv[1],
           .dim = std::stoll(argv[2]),
           .heads = std::stoll(argv[3]),
           .length = std::stoll(argv[4]),
           .training = std::string(argv[5]) == "training"},
          argv[6]);
  } catch (const std::exception& error) {
    const std::string message = error.what();
    std::cerr << "attention_ours: " << message.substr(0, message.find('\n')) << "\n";
    return 1;
  }
  return 0;
}
