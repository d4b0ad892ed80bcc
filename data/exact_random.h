// Random integers that are the same on every machine.
#pragma once

#include <cstdint>
#include <random>

namespace data {

/// Uniform integers from std::mt19937_64, whose output the standard fixes. The standard's distributions are not used:
/// what they make of the generator's output is each library's own choice.
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

 private:
  std::mt19937_64 generator_;
};

}  // namespace data
