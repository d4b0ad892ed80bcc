// Compiled with multiplications and additions contracted (text/CMakeLists.txt).
#include "text/albert_kernels.h"

#include <cmath>
#include <vector>

#include "data/vector_clones.h"
#include "data/vector_math.h"

#define VQA_INLINE [[gnu::always_inline]] inline

namespace text {
namespace {

using data::fast_exp;
using data::sum_of;

VQA_INLINE float load(float x) { return x; }
VQA_INLINE float load(BFloat16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

VQA_INLINE void store(float value, float& to) { to = value; }
/// To the nearest, of two the even one.
VQA_INLINE void store(float value, BFloat16& to) {
  const auto bits = std::bit_cast<uint32_t>(value);
  to.bits = static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

VQA_INLINE float gelu_new(float x) {
  constexpr float kSqrt8OverPi = 1.595769122F;  // 2 sqrt(2 / pi)
  return x / (1 + fast_exp(-kSqrt8OverPi * (x + 0.044715F * x * x * x)));
}

template <class Number>
VQA_INLINE void add_bias_of(const Number* x, const float* bias, int64_t rows, int64_t n, float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < n; ++j) out[r * n + j] = load(x[r * n + j]) + bias[j];
  }
}

template <class Number>
VQA_INLINE void add_bias_gelu_of(Number* x, const float* bias, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t j = 0; j < n; ++j) store(gelu_new(load(x[r * n + j]) + bias[j]), x[r * n + j]);
  }
}

/// `sum` has room for a row.
template <class Number>
VQA_INLINE void add_norm_of(Number* x, const Number* residual, const NormNumbers& numbers, float* sum) {
  const int64_t dim = numbers.dim;
  for (int64_t j = 0; j < dim; ++j) sum[j] = load(x[j]) + numbers.bias[j] + load(residual[j]);
  const float mean = sum_of(dim, [&](int64_t j) { return sum[j]; }) / static_cast<float>(dim);
  const float squares = sum_of(dim, [&](int64_t j) { return (sum[j] - mean) * (sum[j] - mean); });
  const float factor = 1 / std::sqrt(squares / static_cast<float>(dim) + numbers.eps);
  for (int64_t j = 0; j < dim; ++j) store((sum[j] - mean) * factor * numbers.scale[j] + numbers.shift[j], x[j]);
}

template <class Number>
VQA_INLINE void add_norm_of(Number* x, const Number* residual, int64_t rows, const NormNumbers& numbers) {
  std::vector<float> sum(static_cast<size_t>(numbers.dim));
  for (int64_t r = 0; r < rows; ++r) add_norm_of(x + r * numbers.dim, residual + r * numbers.dim, numbers, sum.data());
}

}  // namespace

VQA_VECTOR_CLONES void add_bias(const float* x, const float* bias, int64_t rows, int64_t n, float* out) {
  add_bias_of(x, bias, rows, n, out);
}
VQA_VECTOR_CLONES void add_bias(const BFloat16* x, const float* bias, int64_t rows, int64_t n, float* out) {
  add_bias_of(x, bias, rows, n, out);
}

VQA_VECTOR_CLONES void convert(const float* x, int64_t n, BFloat16* out) {
  for (int64_t i = 0; i < n; ++i) store(x[i], out[i]);
}

VQA_VECTOR_CLONES void add_bias_gelu(float* x, const float* bias, int64_t rows, int64_t n) {
  add_bias_gelu_of(x, bias, rows, n);
}
VQA_VECTOR_CLONES void add_bias_gelu(BFloat16* x, const float* bias, int64_t rows, int64_t n) {
  add_bias_gelu_of(x, bias, rows, n);
}

VQA_VECTOR_CLONES void add_norm(float* x, const float* residual, int64_t rows, const NormNumbers& numbers) {
  add_norm_of(x, residual, rows, numbers);
}
VQA_VECTOR_CLONES void add_norm(BFloat16* x, const BFloat16* residual, int64_t rows, const NormNumbers& numbers) {
  add_norm_of(x, residual, rows, numbers);
}

}  // namespace text
