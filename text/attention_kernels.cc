// Compiled with multiplications and additions contracted (text/CMakeLists.txt).
#include "text/attention_kernels.h"

#include <algorithm>
#include <cmath>

#include "data/vector_clones.h"
#include "data/vector_math.h"

namespace text {
namespace {

using data::fast_exp;
using data::sum_of;

constexpr int64_t kLanes = 8;  // rows of scores are padded to a multiple of these

[[gnu::always_inline]] inline int64_t padded(int64_t tokens) { return (tokens + kLanes - 1) / kLanes * kLanes; }

/// Element (i, j) stands at data[i * row + j * column].
struct Matrix {
  const float* data = nullptr;
  int64_t row = 0;
  int64_t column = 1;
};

struct Rows {
  float* data = nullptr;
  int64_t row = 0;
};

struct Extents {
  int64_t m = 0, k = 0, n = 0;
};

template <int kWidth>
[[gnu::always_inline]] inline void multiply_columns(const Matrix& a, const Matrix& b, const Rows& c,
                                                    const Extents& extents, int64_t column) {
  for (int64_t i = 0; i < extents.m; ++i) {
    float sum[kWidth] = {};
    for (int64_t p = 0; p < extents.k; ++p) {
      const float factor = a.data[i * a.row + p * a.column];
      const float* right = b.data + p * b.row + column;
      for (int j = 0; j < kWidth; ++j) sum[j] += factor * right[j];
    }
    float* out = c.data + i * c.row + column;
    for (int j = 0; j < kWidth; ++j) out[j] = sum[j];
  }
}

/// c (m, n) = a (m, k) b (k, n); b's and c's columns stand side by side.
[[gnu::always_inline]] inline void multiply(const Matrix& a, const Matrix& b, const Rows& c, const Extents& extents) {
  int64_t j = 0;
  for (; j + 32 <= extents.n; j += 32) multiply_columns<32>(a, b, c, extents, j);
  for (; j + 16 <= extents.n; j += 16) multiply_columns<16>(a, b, c, extents, j);
  for (; j + 8 <= extents.n; j += 8) multiply_columns<8>(a, b, c, extents, j);
  for (; j < extents.n; ++j) multiply_columns<1>(a, b, c, extents, j);
}

/// (T, d), `row` numbers apart -> (d, padded T), zero past T.
[[gnu::always_inline]] inline void transpose(const float* from, int64_t row, const AttentionShape& shape, float* to) {
  const int64_t width = padded(shape.tokens);
  for (int64_t p = 0; p < shape.head_dim; ++p) {
    for (int64_t t = 0; t < shape.tokens; ++t) to[p * width + t] = from[t * row + p];
    for (int64_t t = shape.tokens; t < width; ++t) to[p * width + t] = 0;
  }
}

/// Scores (T, padded T) of one head's products -> probabilities, zero past T.
[[gnu::always_inline]] inline void softmax_rows(float* scores, const AttentionShape& shape) {
  const int64_t width = padded(shape.tokens);
  const float scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
  for (int64_t i = 0; i < shape.tokens; ++i) {
    float* row = scores + i * width;
    const float most = *std::max_element(row, row + shape.tokens);
    for (int64_t j = 0; j < width; ++j) row[j] = fast_exp((row[j] - most) * scale);
    for (int64_t j = shape.tokens; j < width; ++j) row[j] = 0;
    const float inverse = 1 / sum_of(width, [&](int64_t j) { return row[j]; });
    for (int64_t j = 0; j < width; ++j) row[j] *= inverse;
  }
}

/// One head's probabilities (T, padded T). `turned` has room for (d, padded T).
[[gnu::always_inline]] inline void find_probabilities(const float* queries, const AttentionShape& shape,
                                                      float* probabilities, float* turned) {
  const int64_t width = padded(shape.tokens), row = 3 * shape.dim();
  transpose(queries + shape.dim(), row, shape, turned);
  multiply({queries, row}, {turned, width}, {probabilities, width}, {shape.tokens, shape.head_dim, width});
  softmax_rows(probabilities, shape);
}

}  // namespace

int64_t AttentionShape::scratch() const { return padded(tokens) * (2 * tokens + head_dim); }

VQA_VECTOR_CLONES void attend(const float* qkv, const AttentionShape& shape, float* out, float* scratch) {
  const int64_t t = shape.tokens, d = shape.head_dim, width = padded(t), dim = shape.dim();
  float* probabilities = scratch;
  for (int64_t head = 0; head < shape.heads; ++head) {
    const float* queries = qkv + head * d;
    find_probabilities(queries, shape, probabilities, scratch + width * t);
    multiply({probabilities, width}, {queries + 2 * dim, 3 * dim}, {out + head * d, dim}, {t, t, d});
  }
}

VQA_VECTOR_CLONES void attend_backward(const float* qkv, const float* of_out, const AttentionShape& shape,
                                       float* of_qkv, float* scratch) {
  const int64_t t = shape.tokens, d = shape.head_dim, width = padded(t), dim = shape.dim();
  const float scale = 1 / std::sqrt(static_cast<float>(d));
  float* probabilities = scratch;
  float* of_scores = probabilities + width * t;
  float* turned = of_scores + width * t;
  for (int64_t head = 0; head < shape.heads; ++head) {
    const float* queries = qkv + head * d;
    const Matrix gradient{of_out + head * d, dim};
    float* to = of_qkv + head * d;
    find_probabilities(queries, shape, probabilities, turned);
    multiply({probabilities, 1, width}, gradient, {to + 2 * dim, 3 * dim}, {t, t, d});  // of the values
    transpose(queries + 2 * dim, 3 * dim, shape, turned);
    multiply(gradient, {turned, width}, {of_scores, width}, {t, d, width});
    for (int64_t i = 0; i < t; ++i) {
      const float* p = probabilities + i * width;
      float* g = of_scores + i * width;
      const float mean = sum_of(width, [&](int64_t j) { return p[j] * g[j]; });
      for (int64_t j = 0; j < width; ++j) g[j] = p[j] * (g[j] - mean) * scale;
    }
    multiply({of_scores, width}, {queries + dim, 3 * dim}, {to, 3 * dim}, {t, t, d});
    multiply({of_scores, 1, width}, {queries, 3 * dim}, {to + dim, 3 * dim}, {t, t, d});
  }
}

}  // namespace text
