#include "tools/bench/attention_table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <tuple>

namespace bench {
namespace {

constexpr double kDoubling = 2.15;  // of time, at most, with twice the length
constexpr int64_t kLong = 1024;     // from here on
constexpr double kBfloat16 = 1.4;   // times as fast as float32
constexpr int64_t kTargetDim = 512;

/// What DBA is to reach: so many times as fast as `peer`, or in so large a share of its memory at most.
struct Target {
  int64_t length;
  bool training;
  const char* peer;
  double speed, memory;  // 0: none
};

constexpr std::array<Target, 12> kTargets{{
    {128, false, "plain", 2.5, 0},
    {608, false, "plain", 6, 0},
    {1024, false, "plain", 16, 0},
    {4096, false, "plain", 50, 0},
    {4096, false, "vanilla", 18, 0},
    {128, true, "plain", 2, 0},
    {608, true, "plain", 5, 0},
    {1024, true, "plain", 11, 0},
    {4096, true, "plain", 40, 0},
    {4096, true, "vanilla", 18, 0},
    {512, true, "plain", 0, 0.40},
    {4096, true, "plain", 0, 0.05},
}};

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

const AttentionRatio* against(const AttentionResult& result, const std::string& peer) {
  const auto at = std::ranges::find(result.ratios, peer, &AttentionRatio::peer);
  return at == result.ratios.end() ? nullptr : &*at;
}

std::string verdict(const std::string& target, bool met) { return "  [" + target + (met ? ": met]" : ": NOT MET]"); }

/// The targets for times as fast and for memory.
std::string ratio_targets(const AttentionResult& result) {
  std::string text;
  for (const Target& target : kTargets) {
    const AttentionRatio* ratio = against(result, target.peer);
    if (ratio == nullptr || target.length != result.length || target.training != result.training) continue;
    if (target.speed > 0) text += verdict(format("%.3gx %s", target.speed, target.peer), ratio->speed >= target.speed);
    if (target.memory > 0)
      text +=
          verdict(format("%.0f %% of %s's memory", 100 * target.memory, target.peer), ratio->memory <= target.memory);
  }
  return text;
}

/// The target for growth, where half the length was measured too.
std::string growth_target(const AttentionResult& result, const std::vector<AttentionResult>& all) {
  if (result.length < 2 * kLong) return {};
  for (const AttentionResult& other : all) {
    if (other.way != result.way || other.dim != result.dim || other.training != result.training ||
        other.length * 2 != result.length)
      continue;
    const double growth = result.seconds / other.seconds;
    return verdict(
        format("%.2fx the time of n %lld, at most %.2f", growth, static_cast<long long>(other.length), kDoubling),
        growth <= kDoubling);
  }
  return {};
}

std::string targets(const AttentionResult& result, const std::vector<AttentionResult>& all) {
  if (result.dim != kTargetDim) return {};
  if (result.way == "dba") return ratio_targets(result) + growth_target(result, all);
  if (const AttentionRatio* wide = against(result, "dba")) {
    return verdict(format("%.2fx dba in float32, at least %.1f", wide->speed, kBfloat16), wide->speed >= kBfloat16);
  }
  return {};
}

std::string line(const AttentionResult& result) {
  const double megabytes = static_cast<double>(result.peak_bytes) / 1e6;
  std::string text =
      format("%6lld  %-16s%10.3f", static_cast<long long>(result.length), result.way.c_str(), result.seconds * 1e3);
  for (const char* peer : {"plain", "vanilla"}) {
    const AttentionRatio* ratio = against(result, peer);
    text += ratio == nullptr ? format("%10s", "-") : format("%9.2fx", ratio->speed);
  }
  text += format("%12.2f", megabytes);
  for (const char* peer : {"plain", "vanilla"}) {
    const AttentionRatio* ratio = against(result, peer);
    text += ratio == nullptr ? format("%10s", "-") : format("%8.1f %%", 100 * ratio->memory);
  }
  return text;
}

}  // namespace

std::string attention_table(const std::vector<AttentionResult>& results) {
  std::map<std::tuple<int64_t, int64_t, bool>, std::map<int64_t, std::vector<const AttentionResult*>>> tables;
  for (const AttentionResult& result : results)
    tables[{result.dim, result.heads, result.training}][result.length].push_back(&result);
  std::string text;
  for (const auto& [of, lengths] : tables) {
    const auto& [dim, heads, training] = of;
    text += format("\n%s, d %lld, %lld heads: milliseconds, speed and peak memory against plain and vanilla (fused)\n",
                   training ? "training" : "inference", static_cast<long long>(dim), static_cast<long long>(heads));
    text += "     n  way                     ms     plain   vanilla          MB     plain   vanilla\n";
    for (const auto& [length, at_length] : lengths) {
      for (const AttentionResult* result : at_length) text += line(*result) + targets(*result, results) + "\n";
    }
  }
  return text;
}

}  // namespace bench
