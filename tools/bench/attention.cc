#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <iostream>

#include "tools/bench/attention_case.h"
#include "tools/bench/attention_table.h"
#include "tools/bench/benchmarks.h"
#include "tools/bench/heap.h"
#include "tools/bench/stopwatch.h"

namespace bench {
namespace {

constexpr double kLeast = 5e-3;      // seconds that one round of a way takes, by doing its work again where it is short
constexpr double kMostRepeats = 50;  // but no more often than this
constexpr const char* kVanilla = "vanilla";

std::vector<AttentionResult>& results() {
  static std::vector<AttentionResult> all;
  return all;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// One way of attention in the rounds of a benchmark.
class Way {
 public:
  Way(std::string name, const AttentionSetting& setting) : name_(std::move(name)), case_(setting) {
    const HeapMeter first;
    case_.run();
    kept_ = first.kept();
    const HeapMeter second;
    case_.run();
    peak_ = second.peak();
    repeats_ = std::clamp(kLeast / seconds_taken([&] { case_.run(); }), 1.0, kMostRepeats);
  }

  void run_round() {
    const auto repeats = static_cast<int64_t>(repeats_);
    const double seconds = seconds_taken([&] {
      for (int64_t i = 0; i < repeats; ++i) case_.run();
    });
    rounds_.push_back(seconds / static_cast<double>(repeats));
  }

  AttentionRatio against(const Way& peer) const {
    std::vector<double> speeds;
    for (size_t i = 0; i < rounds_.size(); ++i) speeds.push_back(peer.rounds_[i] / rounds_[i]);
    return {peer.name_, median(speeds), static_cast<double>(peak_) / static_cast<double>(peer.peak_)};
  }

  const std::vector<double>& rounds() const { return rounds_; }
  int64_t peak() const { return peak_; }
  int64_t kept() const { return kept_; }

 private:
  std::string name_;
  AttentionCase case_;
  int64_t peak_ = 0;  // of a run that was not the first, bytes
  int64_t kept_ = 0;  // by libraries and kernels from the first run on, for runs to come
  double repeats_ = 1;
  std::vector<double> rounds_;  // seconds for one time
};

/// What libraries keep for themselves from the first products on is not to be counted for whoever comes first.
void fill_library_caches() {
  static const bool done = [] {
    for (const bool training : {false, true}) AttentionCase({.kind = kPlain, .training = training}).run();
    return true;
  }();
  benchmark::DoNotOptimize(done);
}

/// The way `name` and those it is compared with, all in turns.
void attention(benchmark::State& state, const std::string& name, const AttentionSetting& setting) {
  fill_library_caches();
  std::vector<Way> ways;
  ways.emplace_back(name, setting);
  std::vector<std::string> peers{kPlain, kVanilla};
  if (setting.type != torch::kFloat32) peers.push_back(setting.kind);
  for (const std::string& peer : peers) {
    AttentionSetting other = setting;
    other.kind = peer;
    other.type = torch::kFloat32;
    if (peer != name) ways.emplace_back(peer, other);
  }
  for (auto _ : state) {
    for (Way& way : ways) way.run_round();
    state.SetIterationTime(ways[0].rounds().back());
  }
  AttentionResult result{
      name, setting.dim, setting.heads, setting.length, setting.training, median(ways[0].rounds()), ways[0].peak(), {}};
  for (size_t i = 1; i < ways.size(); ++i) {
    const AttentionRatio ratio = ways[0].against(ways[i]);
    result.ratios.push_back(ratio);
    state.counters["x_" + ratio.peer] = ratio.speed;
    state.counters["memory_of_" + ratio.peer] = ratio.memory;
  }
  state.counters["peak_MB"] = static_cast<double>(result.peak_bytes) / 1e6;
  state.counters["kept_MB"] = static_cast<double>(ways[0].kept()) / 1e6;
  results().push_back(result);
}

int64_t rounds(int64_t length) { return length <= 1024 ? 15 : length <= 2048 ? 7 : 5; }

void add(const std::string& name, const AttentionSetting& setting) {
  const std::string full = "attention/" + name + "/" + std::to_string(setting.dim) + "/" +
                           std::to_string(setting.length) + (setting.training ? "/training" : "/inference");
  benchmark::RegisterBenchmark(full.c_str(),
                               [name, setting](benchmark::State& state) { attention(state, name, setting); })
      ->Unit(benchmark::kMillisecond)
      ->Iterations(rounds(setting.length))
      ->UseManualTime();
}

}  // namespace

void register_attention() {
  std::vector<std::string> kinds{kPlain};
  for (const fusion::AttentionKind& kind : fusion::attention_kinds()) kinds.push_back(kind.name);
  for (const auto& [dim, heads] : {std::pair<int64_t, int64_t>{256, 4}, {512, 8}}) {
    for (const int64_t length : {128, 256, 512, 608, 1024, 2048, 4096}) {
      for (const bool training : {false, true}) {
        AttentionSetting setting{.dim = dim, .heads = heads, .length = length, .training = training};
        for (const std::string& kind : kinds) {
          setting.kind = kind;
          add(kind, setting);
        }
        setting.kind = "dba";
        setting.type = torch::kBFloat16;
        if (!training) add("dba-bfloat16", setting);
      }
    }
  }
}

void report_attention() {
  if (results().empty()) return;
  const int threads = at::get_num_threads();
  std::cerr << "\nself-attention, batch 1, "
            << (threads == 1 ? "1 thread, processor time" : std::to_string(threads) + " threads, time by the clock")
            << "; times are medians over rounds, ratios medians of those within a round\n"
            << attention_table(results());
}

}  // namespace bench
