// grid_features_ours: our side of tools/peers/grid_features. Reads weights and images, runs the plan, writes the grid
// and prints one line of JSON with the seconds each step took.
#include <torch/torch.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "vision/inference_plan.h"

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Arguments {
  std::string backbone, precision, weights, calibration, images, grid;
  int runs = 1;
};

void run(const Arguments& arguments) {
  const torch::Tensor images = data::read_safetensors(arguments.images).at("images");
  const vision::InferenceOptions options{.precision = arguments.precision,
                                         .calibration = data::read_safetensors(arguments.calibration).at("images")};
  std::unique_ptr<vision::InferencePlan> plan;
  const double build = seconds_of([&] {
    plan =
        std::make_unique<vision::InferencePlan>(arguments.backbone, data::read_safetensors(arguments.weights), options);
  });
  torch::Tensor grid;
  const double first = seconds_of([&] { grid = plan->forward(images); });
  std::vector<double> forward;
  for (int i = 0; i < arguments.runs; ++i) forward.push_back(seconds_of([&] { grid = plan->forward(images); }));
  data::write_safetensors(arguments.grid, {.tensors = {{"grid", grid}}});
  std::cout << nlohmann::json{{"build", build}, {"first", first}, {"forward", forward}} << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::cerr << "usage: grid_features_ours BACKBONE PRECISION WEIGHTS CALIBRATION IMAGES GRID RUNS\n";
    return 2;
  }
  try {
    run({argv[1], argv[2], argv[3], argv[4], argv[5], argv[6], std::stoi(argv[7])});
  } catch (const std::exception& error) {
    const std::string message = error.what();
    std::cerr << "grid_features_ours: " << message.substr(0, message.find('\n')) << "\n";
    return 1;
  }
  return 0;
}
