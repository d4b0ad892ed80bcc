// What an ALBERT layer does to each number between its matrix products, for inference on a CPU. Single-threaded; a
// Number is float or BFloat16, in which activations stand, and arithmetic is float.
#pragma once

#include <cstdint>

namespace text {

/// The upper half of a float's bits.
struct BFloat16 {
  uint16_t bits;
};

/// `x` (rows, n) + `bias` (n) -> `out` (rows, n).
void add_bias(const float* x, const float* bias, int64_t rows, int64_t n, float* out);
void add_bias(const BFloat16* x, const float* bias, int64_t rows, int64_t n, float* out);

/// `x` (n) -> `out` (n) in the other type.
void convert(const float* x, int64_t n, BFloat16* out);

/// x (rows, n) becomes gelu_new(x + bias): x / (1 + e^(-2 u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), which is
/// 0.5 x (1 + tanh u).
void add_bias_gelu(float* x, const float* bias, int64_t rows, int64_t n);
void add_bias_gelu(BFloat16* x, const float* bias, int64_t rows, int64_t n);

/// The numbers (D) of a layer norm, and of the bias that comes before it.
struct NormNumbers {
  const float* bias = nullptr;
  const float* scale = nullptr;
  const float* shift = nullptr;
  int64_t dim = 0;  // D
  float eps = 0;
};

/// x (rows, D) becomes the layer norm of x + bias + residual. `residual` (rows, D).
void add_norm(float* x, const float* residual, int64_t rows, const NormNumbers& numbers);
void add_norm(BFloat16* x, const BFloat16* residual, int64_t rows, const NormNumbers& numbers);

}  // namespace text
