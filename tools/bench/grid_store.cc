#include "data/grid_store.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "data/grid_store_writer.h"
#include "tools/bench/benchmarks.h"

namespace bench {
namespace fs = std::filesystem;

namespace {

constexpr int64_t kImages = 300;
constexpr int64_t kChannels = 2048;

/// 280 MB of a ResNet's grids, of two forms, in a file that goes with the program.
class Sample {
 public:
  Sample() : path_(fs::temp_directory_path() / ("vqa_bench_" + std::to_string(::getpid()) + ".h5")) {
    data::GridStorePlan plan{.channels = kChannels, .splits = {{"val2014", {}}}};
    for (int64_t id = 0; id < kImages; ++id) plan.splits[0].images.push_back({id, 14, id % 2 == 0 ? 14 : 20});
    data::GridStoreWriter writer(path_, plan);
    std::vector<uint16_t> features(14 * 20 * kChannels);
    for (size_t i = 0; i < features.size(); ++i) features[i] = static_cast<uint16_t>(i % 0x7000);
    for (size_t i = 0; i < kImages; ++i) writer.write(0, i, features.data());
    writer.finish();
    store_ = std::make_unique<data::GridStore>(path_);
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) throw std::runtime_error(path_.string() + ": cannot be read");
  }
  ~Sample() {
    ::close(descriptor_);
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  const data::GridStore& store() const { return *store_; }
  int descriptor() const { return descriptor_; }

 private:
  fs::path path_;
  std::unique_ptr<data::GridStore> store_;
  int descriptor_ = -1;
};

const Sample& sample() {
  static const Sample only;
  return only;
}

/// Random images by `read`, each also by plain pread, now before and now after it: what comes second finds the bytes in
/// the processor's cache.
void read_random(benchmark::State& state, const std::function<void(const data::GridImage&, float*)>& read) {
  const data::GridStore& store = sample().store();
  std::mt19937 random(static_cast<unsigned>(state.thread_index()));
  std::vector<float> features(14 * 20 * kChannels);
  size_t bytes = 0;
  double ours = 0, plain = 0;
  for (auto _ : state) {
    const data::GridImage& image = *store.find("val2014", static_cast<int64_t>(random() % kImages));
    const auto pread = [&] {
      if (::pread(sample().descriptor(), features.data(), store.bytes(image), static_cast<off_t>(image.at)) < 0)
        state.SkipWithError("pread");
      benchmark::DoNotOptimize(features.data());
    };
    const bool plain_first = random() % 2 == 0;
    if (plain_first) plain += seconds_of(pread);
    const double seconds = seconds_of([&] {
      read(image, features.data());
      benchmark::DoNotOptimize(features.data());
    });
    if (!plain_first) plain += seconds_of(pread);
    state.SetIterationTime(seconds);
    ours += seconds;
    bytes += store.bytes(image);
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["share_of_pread"] = benchmark::Counter(plain / ours, benchmark::Counter::kAvgThreads);
}

}  // namespace

void register_grid_store() {
  const auto read = [](const data::GridImage& image, float* to) { sample().store().read(image, to); };
  const auto read_float = [](const data::GridImage& image, float* to) { sample().store().read_float(image, to); };
  for (const int threads : {1, 2, 4}) {
    benchmark::RegisterBenchmark("grid_store/read", [=](benchmark::State& state) { read_random(state, read); })
        ->Threads(threads)
        ->UseManualTime();
    benchmark::RegisterBenchmark("grid_store/read_float",
                                 [=](benchmark::State& state) { read_random(state, read_float); })
        ->Threads(threads)
        ->UseManualTime();
  }
}

}  // namespace bench
