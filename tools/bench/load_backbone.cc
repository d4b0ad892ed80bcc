#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "data/safetensors.h"
#include "data/weights.h"
#include "tools/bench/benchmarks.h"
#include "vision/backbone_file.h"
#include "vision/resnet.h"

namespace bench {
namespace fs = std::filesystem;

namespace {

void load(benchmark::State& state, const std::string& backbone) {
  const fs::path path = fs::temp_directory_path() / ("vqa_bench_" + std::to_string(::getpid()) + ".safetensors");
  vision::ResNet network(vision::ResNetOptions{backbone});
  data::write_safetensors(path, data::network_tensors(*network));
  for (auto _ : state) data::load_weights(*network, vision::read_backbone(backbone, path));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * fs::file_size(path)));
  fs::remove(path);
}

}  // namespace

void register_load_backbone() {
  for (const std::string backbone : {"resnet50", "resnet152"}) {
    benchmark::RegisterBenchmark(("load_backbone/" + backbone).c_str(),
                                 [backbone](benchmark::State& state) { load(state, backbone); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
}

}  // namespace bench
