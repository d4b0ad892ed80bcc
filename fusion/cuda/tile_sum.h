// The sum of products that a block of threads holds in registers.
#pragma once

#include "fusion/cuda/tile_memory.h"

#if defined(__CUDACC__)
#include <mma.h>
#endif

namespace fusion::cuda {

/// A block's sum of products, spread over its threads' registers, in float.
template <class T>
class TileSum;

/// Each thread has 8 rows of 4 columns.
template <>
class TileSum<float> {
 public:
  VQA_HOST_DEVICE void add(int thread, TileMemory<float>& memory) {
    for (int k = 0; k < kDepth; ++k) {
      const auto* a = reinterpret_cast<const Four<float>*>(memory.a(k) + row(thread));
      const Four<float> a0 = a[0], a1 = a[1];
      const Four<float> b = *reinterpret_cast<const Four<float>*>(memory.b(k) + column(thread));
      VQA_UNROLL
      for (int i = 0; i < 4; ++i) {
        VQA_UNROLL
        for (int j = 0; j < 4; ++j) {
          sum_[i][j] += a0.x[i] * b.x[j];
          sum_[4 + i][j] += a1.x[i] * b.x[j];
        }
      }
    }
  }

  VQA_HOST_DEVICE void store(int thread, TileMemory<float>& memory) const {
    VQA_UNROLL
    for (int i = 0; i < 8; ++i) {
      VQA_UNROLL
      for (int j = 0; j < 4; ++j) memory.c(row(thread) + i)[column(thread) + j] = sum_[i][j];
    }
  }

 private:
  VQA_HOST_DEVICE static int row(int thread) { return thread / 16 * 8; }
  VQA_HOST_DEVICE static int column(int thread) { return thread % 16 * 4; }

  float sum_[8][4] = {};
};

/// Each warp has 32 rows of 32 columns, as 2 x 2 fragments of the tensor cores; on the host its first thread has them.
template <>
class TileSum<c10::BFloat16> {
 public:
  using T = c10::BFloat16;

#if defined(__CUDA_ARCH__)
  __device__ TileSum() {
    for (auto& row : sum_) {
      for (auto& each : row) nvcuda::wmma::fill_fragment(each, 0.0F);
    }
  }

  __device__ void add(int thread, TileMemory<T>& memory) {
    namespace wmma = nvcuda::wmma;
    VQA_UNROLL
    for (int k = 0; k < kDepth; k += kSide) {
      wmma::fragment<wmma::matrix_a, kSide, kSide, kSide, __nv_bfloat16, wmma::col_major> a[2];
      wmma::fragment<wmma::matrix_b, kSide, kSide, kSide, __nv_bfloat16, wmma::row_major> b[2];
      for (int i = 0; i < 2; ++i) {
        wmma::load_matrix_sync(a[i], numbers(memory.a(k) + row(thread) + i * kSide), TileMemory<T>::kARow);
        wmma::load_matrix_sync(b[i], numbers(memory.b(k) + column(thread) + i * kSide), TileMemory<T>::kBRow);
      }
      for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 2; ++j) wmma::mma_sync(sum_[i][j], a[i], b[j], sum_[i][j]);
      }
    }
  }

  __device__ void store(int thread, TileMemory<T>& memory) const {
    for (int i = 0; i < 2; ++i) {
      for (int j = 0; j < 2; ++j) {
        nvcuda::wmma::store_matrix_sync(memory.c(row(thread) + i * kSide) + column(thread) + j * kSide, sum_[i][j],
                                        TileMemory<T>::kCRow, nvcuda::wmma::mem_row_major);
      }
    }
  }
#else
  VQA_HOST_DEVICE void add(int thread, TileMemory<T>& memory) {
    if (thread % kWarp != 0) return;
    for (int k = 0; k < kDepth; ++k) {
      const T* a = memory.a(k) + row(thread);
      const T* b = memory.b(k) + column(thread);
      for (int i = 0; i < 2 * kSide; ++i) {
        for (int j = 0; j < 2 * kSide; ++j) sum_[i][j] += static_cast<float>(a[i]) * static_cast<float>(b[j]);
      }
    }
  }

  VQA_HOST_DEVICE void store(int thread, TileMemory<T>& memory) const {
    if (thread % kWarp != 0) return;
    for (int i = 0; i < 2 * kSide; ++i) {
      for (int j = 0; j < 2 * kSide; ++j) memory.c(row(thread) + i)[column(thread) + j] = sum_[i][j];
    }
  }
#endif

 private:
  static constexpr int kSide = 16;
  VQA_HOST_DEVICE static int row(int thread) { return thread / kWarp / 2 * 2 * kSide; }
  VQA_HOST_DEVICE static int column(int thread) { return thread / kWarp % 2 * 2 * kSide; }

#if defined(__CUDA_ARCH__)
  __device__ static const __nv_bfloat16* numbers(const T* x) { return reinterpret_cast<const __nv_bfloat16*>(x); }
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, kSide, kSide, kSide, float> sum_[2][2];
#else
  float sum_[2 * kSide][2 * kSide] = {};
#endif
};
static_assert(kTileRows == kThreads / 16 * 8 && kTileColumns == 16 * 4, "TileSum<float> covers the tile");
static_assert(kTileRows == 4 * 32 && kTileColumns == 2 * 32 && kThreads == 8 * kWarp, "TileSum<BFloat16> does too");

}  // namespace fusion::cuda
