#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <torch/torch.h>

#include <map>

#include "tools/bench/benchmarks.h"
#include "vision/fused_convolution.h"

namespace bench {
namespace {

constexpr int64_t kImageSize = 448;

struct Kind {
  vision::ConvolutionShape shape;
  int64_t size = 0;   // cells a side, of the input
  int64_t count = 0;  // in the network
};

/// Twelve chains of multiply-adds that do not wait for each other. Returns the operations, two a multiply-add.
__attribute__((target("avx2,fma"))) double multiply_adds(int64_t rounds) {
  using Vec = float __attribute__((vector_size(32)));
  constexpr int kSums = 12;
  Vec sums[kSums] = {};
  for (Vec& sum : sums) asm volatile("" : "+x"(sum));  // so that the compiler cannot know that they are equal
  Vec x = Vec{} + 0.5F;
  for (int64_t i = 0; i < rounds; ++i) {
    asm volatile("" : "+x"(x));
    for (Vec& sum : sums) sum = __builtin_ia32_vfmaddps256(sum, x, x);
  }
  for (Vec& sum : sums) asm volatile("" : "+x"(sum));
  return 2.0 * 8 * kSums * static_cast<double>(rounds);
}

/// float32 operations per second of all threads at once: the best of several tries, measured once.
double peak() {
  static const double best = [] {
    double fastest = 0;
    for (int i = 0; i < 20; ++i) {
      const int threads = at::get_num_threads();
      std::vector<double> operations(threads);
      const double seconds = seconds_of([&] {
        at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
          for (int64_t t = begin; t < end; ++t) operations[t] = multiply_adds(2'000'000);
        });
      });
      fastest = std::max(fastest, std::accumulate(operations.begin(), operations.end(), 0.0) / seconds);
    }
    return fastest;
  }();
  return best;
}

bool can_measure_peak() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

void convolution(benchmark::State& state, const Kind& kind) {
  const torch::NoGradGuard no_grad;
  const vision::ConvolutionShape& shape = kind.shape;
  const torch::Tensor weight = torch::randn({shape.out, shape.in / shape.groups, shape.kernel, shape.kernel});
  vision::WeightMemory memory;
  const auto planned = vision::make_fused_convolution(
      shape, {weight, torch::ones({shape.out}), torch::zeros({shape.out})}, torch::kFloat32, &memory);
  const torch::Tensor x = torch::randn({1, shape.in, kind.size, kind.size}).contiguous(at::MemoryFormat::ChannelsLast);
  vision::ActivationBuffer buffer;
  int64_t cells = 0;
  const double seconds = seconds_of([&] {
    for (auto _ : state) cells = planned->forward(x, buffer, true).numel() / shape.out;
  });
  const double each = seconds / static_cast<double>(state.iterations());
  const double operations = 2.0 * static_cast<double>(cells * weight.numel());
  state.counters["ms_in_network"] = each * 1e3 * static_cast<double>(kind.count);
  state.counters["gflops"] = operations / each / 1e9;
  if (can_measure_peak()) state.counters["share_of_peak"] = operations / each / peak();
}

std::string label(const Kind& kind) {
  const vision::ConvolutionShape& shape = kind.shape;
  const std::string side = std::to_string(shape.kernel), cells = std::to_string(kind.size);
  return side + "x" + side + (shape.stride == 1 ? "" : "-by-2") + "/" + std::to_string(shape.in) + "-to-" +
         std::to_string(shape.out) + "/" + cells + "x" + cells;
}

/// Each kind of convolution by its label, after the layer it is in.
std::map<std::string, Kind> kinds_of(const vision::ResNetShape& network) {
  std::map<std::string, Kind> kinds;
  const auto count = [&](const std::string& layer, const vision::ConvolutionShape& shape, int64_t size) {
    const std::string name = layer + "/" + label({shape, size});
    const int64_t before = kinds.contains(name) ? kinds[name].count : 0;
    kinds[name] = {shape, size, before + 1};
    return (size + shape.stride - 1) / shape.stride;
  };
  int64_t size = kImageSize;
  for (const vision::ConvolutionShape& shape : network.stem) size = count("stem", shape, size);
  size /= 2;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const std::string layer = "layer" + std::to_string(i + 1);
    for (const vision::BlockShape& block : network.layers[i]) {
      if (block.downsample) count(layer, *block.downsample, size);
      for (const vision::ConvolutionShape& shape : block.convolutions) size = count(layer, shape, size);
    }
  }
  return kinds;
}

}  // namespace

void register_convolutions() {
  for (const auto& [name, kind] : kinds_of(vision::resnet_shape("resnet152"))) {
    const std::string full = "convolution/" + name + "/times-" + std::to_string(kind.count);
    benchmark::RegisterBenchmark(full.c_str(), [kind = kind](benchmark::State& state) { convolution(state, kind); })
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  if (!can_measure_peak()) return;
  benchmark::RegisterBenchmark("fma_peak", [](benchmark::State& state) {
    for (auto _ : state) state.counters["gflops"] = peak() / 1e9;
  })->Iterations(1);
}

}  // namespace bench
