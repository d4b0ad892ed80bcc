#include "data/half.h"

#include <c10/util/Half.h>

#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace data {
namespace {

void widen_each(const uint16_t* half, float* single, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, half + i, sizeof(bits));  // the memory may be that of `single`
    single[i] = c10::detail::fp16_ieee_to_fp32_value(bits);
  }
}

#ifdef __x86_64__
constexpr size_t kStep = 8;

/// LibTorch would do the same, but on all of its threads, and readers have threads of their own.
__attribute__((target("avx,f16c"))) void widen_by_f16c(const uint16_t* half, float* single, size_t count) {
  size_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(half + i));
    _mm256_storeu_ps(single + i, _mm256_cvtph_ps(eight));
  }
  widen_each(half + i, single + i, count - i);
}
#endif

}  // namespace

void widen(const uint16_t* half, float* single, size_t count) {
#ifdef __x86_64__
  static const bool fast = __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");
  if (fast) return widen_by_f16c(half, single, count);
#endif
  widen_each(half, single, count);
}

}  // namespace data
