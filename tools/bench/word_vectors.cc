#include "text/word_vectors.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tools/bench/benchmarks.h"

namespace bench {
namespace fs = std::filesystem;

namespace {

constexpr int64_t kRows = 50'000;
constexpr int64_t kColumns = 300;
constexpr int64_t kWanted = 10'000;

std::string word(int64_t row) { return "word" + std::to_string(row); }

/// Numbers of GloVe's widths: "0.27204", "-0.06203".
std::string numbers(int64_t row) {
  std::string line;
  for (int64_t i = 0; i < kColumns; ++i) {
    char text[16];
    std::snprintf(text, sizeof(text), " %.5g",
                  static_cast<double>((row * 7919 + i * 104'729) % 200'003 - 100'001) / 1e5);
    line += text;
  }
  return line;
}

/// A file of GloVe's format that goes with the program.
class Sample {
 public:
  Sample() : path_(fs::temp_directory_path() / ("vqa_bench_" + std::to_string(::getpid()) + ".txt")) {
    std::ofstream file(path_);
    for (int64_t row = 0; row < kRows; ++row) file << word(row) << numbers(row) << '\n';
    if (!file.flush()) throw std::runtime_error(path_.string() + ": cannot be written");
  }
  ~Sample() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// `rows`: of the file; 0 where unknown.
void read(benchmark::State& state, const fs::path& path, int64_t rows) {
  std::vector<std::string> words;
  for (int64_t i = 0; i < kWanted; ++i) words.push_back(word(i * kRows / kWanted));
  words.push_back("the");  // of a real file
  for (auto _ : state) benchmark::DoNotOptimize(text::read_word_vectors(path, words));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * fs::file_size(path)));
  if (rows > 0) state.SetItemsProcessed(state.iterations() * rows);
}

void read_sample(benchmark::State& state) {
  static const Sample only;
  read(state, only.path(), kRows);
}

}  // namespace

void register_word_vectors() {
  benchmark::internal::Benchmark* made = nullptr;
  if (const char* given = std::getenv("VQA_BENCH_WORD_VECTORS")) {
    const fs::path path = given;
    made =
        benchmark::RegisterBenchmark("word_vectors/given", [path](benchmark::State& state) { read(state, path, 0); });
  } else {
    made = benchmark::RegisterBenchmark("word_vectors/50000x300", read_sample);
  }
  made->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace bench
