// Random integers and orders that are the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace data {

/// One number from two, so that neighbouring ones give unrelated generators (SplitMix64's finisher).
inline uint64_t mixed_seed(uint64_t seed, uint64_t step) {
  uint64_t x = seed * 0x9E3779B97F4A7C15u + step;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// Uniform integers from std::mt19937_64, whose output the standard fixes. The standard's distributions and
/// std::shuffle are not used: what they make of the generator's output is each library's own choice.
class ExactRandom {
 public:
  explicit ExactRandom(uint64_t seed) : generator_(seed) {}

  /// A uniform integer in [0, count), count >= 1. The lowest 2^64 mod count outputs of the generator are thrown away,
  /// so that each value is left with equally many.
  int64_t below(int64_t count) {
    const uint64_t bound = static_cast<uint64_t>(count);
    const uint64_t unfair = (0 - bound) % bound;
    uint64_t output = generator_();
    while (output < unfair) output = generator_();
    return static_cast<int64_t>(output % bound);
  }

  /// A uniform integer in [low, high].
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }

  /// Brings `entries` into any of their orders, all equally likely (Durstenfeld 1964, algorithm 235).
  template <class Entry>
  void shuffle(std::vector<Entry>& entries) {
    for (size_t i = entries.size(); i > 1; --i) {
      std::swap(entries[i - 1], entries[static_cast<size_t>(below(static_cast<int64_t>(i)))]);
    }
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace data
