// The two loops of resizing, plain and for AVX2: weighted sums of pixels along a row, and of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vision {

/// Bits of a weight behind the point: with 8 bits of a pixel and 2 for sums beyond its range they fill 32.
inline constexpr int kWeightFraction = 22;

/// Which source samples make each output sample: weights[i * stride + t] belongs to sample first[i] + t, t < count[i].
struct Taps {
  size_t stride = 0;  // even; the weights past a count are 0
  std::vector<int> first, count;
  std::vector<int32_t> weights;
};

/// Bytes past its end that must be readable in a row of pixels, and one that may be overwritten in an output row.
inline constexpr size_t kRowSlack = 8;

/// Sums are rounded to whole numbers and cut to 0 to 255. All kernels give the same bytes.
struct RowKernels {
  /// A row of RGB pixels to as many pixels as `taps` is for.
  void (*resample)(const uint8_t* row, const Taps& taps, uint8_t* out);
  /// The sum of `count` rows, `size` bytes each, weighted; `rows` and `weights` have one entry a row.
  void (*blend)(const uint8_t* const* rows, const int32_t* weights, int count, uint8_t* out, size_t size);
};

RowKernels plain_row_kernels();

/// The quickest that this processor runs.
RowKernels best_row_kernels();

}  // namespace vision
