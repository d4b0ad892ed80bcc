// What the benchmarks of attention found, beside what this project asks of itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// One way of attention against another that ran in the same rounds.
struct AttentionRatio {
  std::string peer;
  double speed = 0;   // how many times as fast; the median over rounds
  double memory = 0;  // its peak over the peer's
};

struct AttentionResult {
  std::string way;  // a kind, or "KIND-bfloat16"
  int64_t dim = 0, heads = 0, length = 0;
  bool training = false;
  double seconds = 0;      // the median over rounds
  int64_t peak_bytes = 0;  // beyond input, state and weights; in training their gradients are part of it
  std::vector<AttentionRatio> ratios;
};

/// A table for each width and mode, a line for each result, with the targets that hold for it and whether they are met.
/// Empty where there is no result.
std::string attention_table(const std::vector<AttentionResult>& results);

}  // namespace bench
