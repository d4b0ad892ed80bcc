#include "vision/resample_rows.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define VQA_AVX2 __attribute__((target("avx2")))
#include <immintrin.h>
#endif

namespace vision {
namespace {

constexpr int32_t kHalf = 1 << (kWeightFraction - 1);

uint8_t to_pixel(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kWeightFraction, 0, 255)); }

void resample_plain(const uint8_t* row, const Taps& taps, uint8_t* out) {
  const int32_t* weights = taps.weights.data();
  for (size_t i = 0; i < taps.first.size(); ++i, weights += taps.stride) {
    const uint8_t* pixel = row + 3 * static_cast<size_t>(taps.first[i]);
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int t = 0; t < taps.count[i]; ++t, pixel += 3) {
      red += weights[t] * pixel[0];
      green += weights[t] * pixel[1];
      blue += weights[t] * pixel[2];
    }
    for (const int32_t sum : {red, green, blue}) *out++ = to_pixel(sum);
  }
}

/// From byte `at` on.
void blend_from(size_t at, const uint8_t* const* rows, const int32_t* weights, int count, uint8_t* out, size_t size) {
  for (; at < size; ++at) {
    int32_t sum = kHalf;
    for (int t = 0; t < count; ++t) sum += weights[t] * rows[t][at];
    out[at] = to_pixel(sum);
  }
}

void blend_plain(const uint8_t* const* rows, const int32_t* weights, int count, uint8_t* out, size_t size) {
  blend_from(0, rows, weights, count, out, size);
}

#ifdef VQA_AVX2
/// Two pixels a step, one in each half of a register, a channel in each lane.
VQA_AVX2 void resample_avx2(const uint8_t* row, const Taps& taps, uint8_t* out) {
  const __m256i place = _mm256_setr_epi8(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1,  //
                                         3, -1, -1, -1, 4, -1, -1, -1, 5, -1, -1, -1, -1, -1, -1, -1);
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const int32_t* weights = taps.weights.data();
  for (size_t i = 0; i < taps.first.size(); ++i, weights += taps.stride, out += 3) {
    const uint8_t* pixels = row + 3 * static_cast<size_t>(taps.first[i]);
    __m256i sums = _mm256_setr_epi32(kHalf, kHalf, kHalf, 0, 0, 0, 0, 0);
    for (int t = 0; t < taps.count[i]; t += 2, pixels += 6) {
      int64_t bytes, two;
      std::memcpy(&bytes, pixels, sizeof bytes);
      std::memcpy(&two, weights + t, sizeof two);
      const __m256i values = _mm256_shuffle_epi8(_mm256_set1_epi64x(bytes), place);
      const __m256i factors = _mm256_permutevar8x32_epi32(_mm256_set1_epi64x(two), spread);
      sums = _mm256_add_epi32(sums, _mm256_mullo_epi32(values, factors));
    }
    const __m128i both = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    const __m128i words = _mm_packs_epi32(_mm_srai_epi32(both, kWeightFraction), both);
    const int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));  // saturates, which cuts
    std::memcpy(out, &pixel, sizeof pixel);
  }
}

VQA_AVX2 void blend_avx2(const uint8_t* const* rows, const int32_t* weights, int count, uint8_t* out, size_t size) {
  constexpr size_t kLanes = 8, kStep = 4 * kLanes;
  // Packing works in each half of a register: this puts the groups of four bytes back into order.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  size_t at = 0;
  for (; at + kStep <= size; at += kStep) {
    __m256i sums[4];
    for (__m256i& sum : sums) sum = _mm256_set1_epi32(kHalf);
    for (int t = 0; t < count; ++t) {
      const __m256i factor = _mm256_set1_epi32(weights[t]);
      for (size_t v = 0; v < 4; ++v) {
        const auto* bytes = reinterpret_cast<const __m128i*>(rows[t] + at + v * kLanes);
        const __m256i values = _mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes));
        sums[v] = _mm256_add_epi32(sums[v], _mm256_mullo_epi32(values, factor));
      }
    }
    for (__m256i& sum : sums) sum = _mm256_srai_epi32(sum, kWeightFraction);
    const __m256i packed =
        _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), _mm256_permutevar8x32_epi32(packed, order));
  }
  blend_from(at, rows, weights, count, out, size);
}
#endif

}  // namespace

RowKernels plain_row_kernels() { return {resample_plain, blend_plain}; }

RowKernels best_row_kernels() {
#ifdef VQA_AVX2
  if (__builtin_cpu_supports("avx2")) return {resample_avx2, blend_avx2};
#endif
  return plain_row_kernels();
}

}  // namespace vision
