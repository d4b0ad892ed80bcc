#include "data/grid_store.h"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
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

enum class Way { kRead, kReadFloat, kPread };

void read_random(benchmark::State& state, Way way) {
  const data::GridStore& store = sample().store();
  std::mt19937 random(static_cast<unsigned>(state.thread_index()));  // the same images whatever the way
  std::vector<float> features(14 * 20 * kChannels);
  size_t bytes = 0;
  for (auto _ : state) {
    const data::GridImage& image = *store.find("val2014", static_cast<int64_t>(random() % kImages));
    if (way == Way::kRead) store.read(image, features.data());
    if (way == Way::kReadFloat) store.read_float(image, features.data());
    if (way == Way::kPread &&
        ::pread(sample().descriptor(), features.data(), store.bytes(image), static_cast<off_t>(image.at)) < 0)
      state.SkipWithError("pread");
    benchmark::DoNotOptimize(features.data());
    bytes += store.bytes(image);
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

}  // namespace

void register_grid_store() {
  for (const auto& [name, way] : {std::pair{"grid_store/pread", Way::kPread},
                                  {"grid_store/read", Way::kRead},
                                  {"grid_store/read_float", Way::kReadFloat}}) {
    for (const int threads : {1, 2, 4}) {
      benchmark::RegisterBenchmark(name, [way = way](benchmark::State& state) { read_random(state, way); })
          ->Threads(threads)
          ->UseRealTime();
    }
  }
}

}  // namespace bench
