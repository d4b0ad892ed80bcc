#include "vqa/extractor.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "data/image_listing.h"
#include "data/weights.h"
#include "tools/bench/benchmarks.h"
#include "vision/frozen_backbone.h"
#include "vision/resnet.h"

namespace bench {
namespace fs = std::filesystem;

namespace {

constexpr const char* kFolder = "VQA_BENCH_IMAGES";

/// Random weights whose residual sums stay small.
vision::FrozenBackbone random_backbone(const std::string& name) {
  const vision::ResNet network(vision::ResNetOptions{name});
  data::TensorFile weights = data::network_tensors(*network);
  for (auto& [key, tensor] : weights.tensors) {
    if (key.ends_with("bn3.weight") || key.ends_with("bn2.weight")) tensor.fill_(0.1);
  }
  return {name, std::move(weights)};
}

/// Kilobytes of this process in memory.
double resident() {
  std::ifstream status("/proc/self/status");
  const std::string label = "VmRSS:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(label)) return std::stod(line.substr(label.size()));
  }
  return 0;
}

/// The folder's pictures, again and again, as squares of `side` pixels into a store that goes with the program.
class Extraction {
 public:
  Extraction(const std::string& backbone, int64_t side, int64_t count)
      : transform_({.size = std::to_string(side)}),
        store_(fs::temp_directory_path() / ("vqa_bench_" + std::to_string(::getpid()) + ".h5")),
        backbone_(random_backbone(backbone)) {
    const vision::ResNetShape shape = vision::resnet_shape(backbone);
    const int64_t cells = vision::grid_side(shape, side);
    const std::vector<data::ListedImage> pictures = data::list_images(std::getenv(kFolder));
    if (count == 0) count = std::ssize(pictures);
    plan_ = {.channels = shape.channels, .splits = {{"val2014", {}}}};
    for (int64_t i = 0; i < count; ++i) {
      const auto place = static_cast<size_t>(i);
      images_.push_back({0, place, pictures[place % pictures.size()].path, {side, side, cells, cells}});
      plan_.splits[0].images.push_back({i, static_cast<int32_t>(cells), static_cast<int32_t>(cells)});
    }
  }
  ~Extraction() {
    std::error_code ignored;
    fs::remove(store_, ignored);
  }
  Extraction(const Extraction&) = delete;
  Extraction& operator=(const Extraction&) = delete;

  double run(const std::function<void(const vqa::ExtractionProgress&)>& on_batch = {}) {
    sizes_.clear();
    const auto network = [this](const torch::Tensor& images) {
      sizes_.push_back(images.sizes().vec());
      return backbone_.forward(images);
    };
    vqa::Extractor extractor(network, transform_, {.on_batch = on_batch});
    data::GridStoreWriter writer(store_, plan_);
    return seconds_of([&] { extractor.run(images_, writer); });
  }

  /// What the network takes for images of the sizes of the last run, with nothing else to do.
  double network_alone() {
    return seconds_of([&] {
      for (const std::vector<int64_t>& size : sizes_)
        backbone_.forward(torch::zeros(size).contiguous(at::MemoryFormat::ChannelsLast));
    });
  }

 private:
  vision::ImageTransform transform_;
  fs::path store_;
  vision::FrozenBackbone backbone_;
  data::GridStorePlan plan_;
  std::vector<vqa::ExtractedImage> images_;
  std::vector<std::vector<int64_t>> sizes_;
};

void keep_busy(benchmark::State& state) {
  Extraction extraction("resnet152", 448, 0);
  double whole = 0, alone = 0;
  for (auto _ : state) {
    const double seconds = extraction.run();
    alone += extraction.network_alone();
    whole += seconds;
    state.SetIterationTime(seconds);
  }
  state.counters["share_of_network_alone"] = alone / whole;
}

void stay_flat(benchmark::State& state) {
  constexpr int64_t kEarly = 1000, kAll = 10000;
  Extraction extraction("resnet18", 64, kAll);
  double early = 0;
  for (auto _ : state) {
    state.SetIterationTime(extraction.run([&](const vqa::ExtractionProgress& progress) {
      if (early == 0 && progress.done >= kEarly) early = resident();
    }));
  }
  state.counters["resident_at_1000_MB"] = early / 1024;
  state.counters["resident_at_10000_MB"] = resident() / 1024;
}

}  // namespace

void register_extraction() {
  if (std::getenv(kFolder) == nullptr) return;
  benchmark::RegisterBenchmark("extraction/resnet152/448x448/8", keep_busy)
      ->Unit(benchmark::kSecond)
      ->Iterations(3)
      ->UseManualTime();
  benchmark::RegisterBenchmark("extraction/memory", stay_flat)
      ->Unit(benchmark::kSecond)
      ->Iterations(1)
      ->UseManualTime();
}

}  // namespace bench
