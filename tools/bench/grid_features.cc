#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include "tools/bench/benchmarks.h"
#include "vision/inference_plan.h"

namespace bench {
namespace {

struct Setting {
  std::string backbone;
  std::string how;  // "network" or a precision of the plan
  int64_t size = 0;
  int64_t batch = 0;
};

bool can_run(const std::string& how) {
  if (how == "network") return true;
  try {
    vision::check_precision(how);
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

void grid_features(benchmark::State& state, const Setting& setting) {
  const torch::NoGradGuard no_grad;
  vision::ResNet network(vision::ResNetOptions{setting.backbone});
  network->eval();
  std::unique_ptr<vision::InferencePlan> plan;
  if (setting.how != "network")
    plan = std::make_unique<vision::InferencePlan>(network, vision::InferenceOptions{.precision = setting.how});
  const torch::Tensor images = torch::randn({setting.batch, 3, setting.size, setting.size});
  for (auto _ : state) {
    const torch::Tensor grid = plan ? plan->forward(images) : network->forward(images);
    benchmark::DoNotOptimize(grid.data_ptr());
  }
  state.counters["images"] =
      benchmark::Counter(static_cast<double>(state.iterations() * setting.batch), benchmark::Counter::kIsRate);
}

/// Building a plan from weights that are in memory.
void build_plan(benchmark::State& state, const std::string& backbone) {
  vision::ResNet network(vision::ResNetOptions{backbone});
  for (auto _ : state) {
    const vision::InferencePlan plan(network);
    benchmark::DoNotOptimize(&plan);
  }
}

}  // namespace

void register_grid_features() {
  for (const std::string& backbone : vision::ResNetImpl::names()) {
    std::vector<std::string> ways = vision::inference_precisions();
    ways.insert(ways.begin(), "network");
    for (const std::string& how : ways) {
      if (!can_run(how)) continue;
      for (const int64_t size : {224, 448}) {
        for (const int64_t batch : {1, 8}) {
          const Setting setting{backbone, how, size, batch};
          const std::string name = "grid_features/" + backbone + "/" + (how == "network" ? how : "plan-" + how) + "/" +
                                   std::to_string(size) + "x" + std::to_string(size) + "/" + std::to_string(batch);
          benchmark::RegisterBenchmark(name.c_str(),
                                       [setting](benchmark::State& state) { grid_features(state, setting); })
              ->Unit(benchmark::kMillisecond)
              ->UseRealTime();
        }
      }
    }
    benchmark::RegisterBenchmark(("build_plan/" + backbone).c_str(),
                                 [backbone](benchmark::State& state) { build_plan(state, backbone); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

}  // namespace bench
