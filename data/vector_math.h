// Functions of single numbers that compilers can turn into vectors. Everything here is inlined, so that each file has
// it for the instruction set that it is compiled for.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace data {

/// e^x to about 2e-7 of its value; x is brought within -87 to 88 first. What is no number stays none.
[[gnu::always_inline]] inline float fast_exp(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;  // their sum is ln 2; the first has few digits
  constexpr float kRound = 12582912.F;                                 // 1.5 * 2^23: adding it leaves a whole number
  x = x < -87.F ? -87.F : x;
  x = x > 88.F ? 88.F : x;
  const float shifted = x * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;  // within ln 2 / 2 of zero: Taylor's series to the seventh power
  float sum = 1.F / 5040;
  sum = sum * r + 1.F / 720;
  sum = sum * r + 1.F / 120;
  sum = sum * r + 1.F / 24;
  sum = sum * r + 1.F / 6;
  sum = sum * r + 0.5F;
  sum = sum * r + 1;
  sum = sum * r + 1;
  const auto exponent = std::bit_cast<uint32_t>(shifted) << 23;  // n's low bits stand at the end of `shifted`
  return std::bit_cast<float>(std::bit_cast<uint32_t>(sum) + exponent);
}

/// e^x for loops over either type: fast_exp, or for double the library's.
[[gnu::always_inline]] inline float exponential(float x) { return fast_exp(x); }
inline double exponential(double x) { return std::exp(x); }

/// Adds up `term(i)` for i from 0 to count - 1 in sixteen sums, which a vector holds.
template <class Term>
[[gnu::always_inline]] inline auto sum_of(int64_t count, const Term& term) {
  constexpr int kLanes = 16;
  decltype(term(0)) sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    // Unrolled, the loop could become sixteen instructions of single numbers.
#pragma GCC unroll 1
    for (int j = 0; j < kLanes; ++j) sums[j] += term(i + j);
  }
  for (int j = 0; i < count; ++i, ++j) sums[j] += term(i);
  for (int step = kLanes / 2; step > 0; step /= 2) {
    for (int j = 0; j < step; ++j) sums[j] += sums[j + step];
  }
  return sums[0];
}

/// The greatest of `term(i)` for i from 0 to count - 1, or `least`; in sixteen lanes likewise.
template <class T, class Term>
[[gnu::always_inline]] inline T max_of(int64_t count, T least, const Term& term) {
  constexpr int kLanes = 16;
  T most[kLanes];
  for (T& each : most) each = least;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    // As in sum_of.
#pragma GCC unroll 1
    for (int j = 0; j < kLanes; ++j) most[j] = std::max(most[j], term(i + j));
  }
  for (int j = 0; i < count; ++i, ++j) most[j] = std::max(most[j], term(i));
  for (int step = kLanes / 2; step > 0; step /= 2) {
    for (int j = 0; j < step; ++j) most[j] = std::max(most[j], most[j + step]);
  }
  return most[0];
}

}  // namespace data
