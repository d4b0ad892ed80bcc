// The inner loops of convolutions for inference on processors with AVX2 and FMA: 1x1 convolutions as matrix products,
// and 3x3 ones of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, "Fast Algorithms for
// Convolutional Neural Networks", section 4.3), which takes a quarter of the multiplications. Both add bias, an earlier
// sum and ReLU while the numbers are in registers. Single-threaded; vision/own_convolution.h shares the work out.
//
// Letters: I images, h and w cells, C channels in, K channels out, T tiles of 4x4 cells over all images. Images are
// (I, h, w, C), numbers float32. K is a multiple of kPanel, and C of kLanes for 3x3 ones. vision/own_convolution.h says
// whether the processor can run them; nothing here may be called where it cannot.
#pragma once

#include <cstdint>

namespace vision {

constexpr int64_t kLanes = 8;           // numbers in a vector
constexpr int64_t kPanel = 2 * kLanes;  // output channels that are worked on at a time
constexpr int64_t kFrequencies = 36;    // of a 6x6 input tile

/// Where a weight stands: numbers between neighbours along each axis of (K, C, taps).
struct WeightStrides {
  int64_t out = 0;
  int64_t in = 0;
  int64_t tap = 0;
};

/// Weights (K, C, taps) and what each of the K is multiplied by.
struct RawWeights {
  const float* values = nullptr;
  const float* scale = nullptr;
  WeightStrides strides;
  int64_t in = 0;
  int64_t taps = 1;  // 1 or 9
};

/// Writes panel `panel` of kPanel output channels in the kernels' order, (C, taps, kPanel).
void pack_panel(const RawWeights& weights, int64_t panel, float* packed);

/// What happens to a sum before it is stored.
struct Epilogue {
  const float* bias = nullptr;  // (K)
  bool add = false;             // to what stands in the output
  bool relu = false;            // at the end
};

struct Range {
  int64_t begin = 0;
  int64_t end = 0;  // not in it
};

/// A 1x1 convolution of stride 1: rows are cells.
struct PointwiseJob {
  const float* input = nullptr;   // (rows, C)
  const float* panels = nullptr;  // (K / kPanel, C, kPanel)
  float* output = nullptr;        // (rows, K)
  int64_t in = 0;
  int64_t out = 0;
  Epilogue epilogue;
};

/// Computes these rows of these panels' channels. About a hundred rows at a time stay in the second cache.
void pointwise(const PointwiseJob& job, Range rows, Range panels);

/// A 3x3 convolution of stride 1, padded by 1. `tiles` are transformed into `frequencies`, then multiplied.
struct WinogradJob {
  const float* input = nullptr;   // (I, h, w, C)
  const float* panels = nullptr;  // (K / kPanel, C, 9, kPanel)
  const float* zeros = nullptr;   // (C): what lies outside the image
  float* output = nullptr;        // (I, h, w, K)
  int64_t height = 0;
  int64_t width = 0;
  int64_t in = 0;
  int64_t out = 0;
  Range tiles;                   // those in `frequencies`
  float* frequencies = nullptr;  // (kFrequencies, T, C), frequency_stride() numbers apart
  Epilogue epilogue;

  [[gnu::always_inline]] int64_t tiles_high() const { return (height + 3) / 4; }
  [[gnu::always_inline]] int64_t tiles_wide() const { return (width + 3) / 4; }
  /// A little more than a multiple of the cache's period, so that frequencies do not push each other out.
  [[gnu::always_inline]] int64_t frequency_stride() const { return (tiles.end - tiles.begin) * in + kPanel; }
};

/// Transforms these of the job's tiles into `frequencies`.
void winograd_transform(const WinogradJob& job, Range tiles);

/// Numbers of scratch memory that winograd_multiply needs for C channels.
int64_t winograd_scratch(int64_t in);

/// Computes one panel's channels of these tiles. The weights' transform is computed anew each time, into `scratch`:
/// reading the ninth part of them that is stored takes longer than transforming it.
void winograd_multiply(const WinogradJob& job, int64_t panel, Range tiles, float* scratch);

}  // namespace vision
