// Where a block of threads keeps the tiles of a matrix product.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "fusion/device_code.h"

namespace fusion::cuda {

constexpr int kThreads = 256, kWarp = 32;                       // of a block, of a warp
constexpr int kTileRows = 128, kTileColumns = 64, kDepth = 32;  // a tile of C, and how deep the tiles of A and B are

/// Four numbers that are read and written at once.
template <class T>
struct alignas(4 * sizeof(T)) Four {
  T x[4];
};

/// Shared memory for one tile each of A and B of T, or one of C in float. All three run row by row with a pad that
/// spreads neighbours over the banks and that wmma allows.
template <class T>
class TileMemory {
 public:
  /// A (rows, k) is kept turned: element (row, k) stands at a(k)[row].
  VQA_HOST_DEVICE T* a(int k) { return reinterpret_cast<T*>(bytes_) + k * kARow; }
  VQA_HOST_DEVICE T* b(int k) { return reinterpret_cast<T*>(bytes_) + kDepth * kARow + k * kBRow; }
  /// Overlaps A and B.
  VQA_HOST_DEVICE float* c(int row) { return reinterpret_cast<float*>(bytes_) + row * kCRow; }

  static constexpr int kPad = 16 / sizeof(T);
  static constexpr int kARow = kTileRows + kPad, kBRow = kTileColumns + kPad, kCRow = kTileColumns + 4;

 private:
  static constexpr int kFactors = kDepth * (kARow + kBRow) * static_cast<int>(sizeof(T));
  static constexpr int kProduct = kTileRows * kCRow * static_cast<int>(sizeof(float));
  static_assert(kProduct >= kFactors);
  alignas(128) unsigned char bytes_[kProduct];
};

}  // namespace fusion::cuda
