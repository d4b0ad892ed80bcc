// Attention of one question's tokens to one another, on a CPU: matrices too small for a library, so that the work is in
// registers and the first cache. Single-threaded; text/packed_attention.h shares questions out.
#pragma once

#include <cstdint>

namespace text {

/// Letters: T tokens, h heads of d features, D = h * d.
struct AttentionShape {
  int64_t tokens = 0;    // T
  int64_t heads = 0;     // h
  int64_t head_dim = 0;  // d

  int64_t dim() const { return heads * head_dim; }

  /// Numbers of scratch memory that the functions below need.
  int64_t scratch() const;
};

/// softmax(q k' / sqrt(d)) v per head. `qkv` (T, 3D): queries, keys and values side by side -> `out` (T, D).
void attend(const float* qkv, const AttentionShape& shape, float* out, float* scratch);

/// The gradient of `qkv` (T, 3D) from that of `out` (T, D); probabilities are computed again.
void attend_backward(const float* qkv, const float* of_out, const AttentionShape& shape, float* of_qkv, float* scratch);

}  // namespace text
