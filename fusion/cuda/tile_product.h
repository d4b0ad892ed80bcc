// Matrix products tile by tile within a block of threads. What the tiles hold is computed where they are filled, so a
// product's factor need not exist in memory.
//
// A kernel's body is a template over its block: on a GPU fusion/cuda/kernels.cu gives it a thread block, in a test
// tests/fusion/emulated_gpu.h lets its threads take turns on the host. Bodies therefore hold no CUDA but what is in
// TileSum.
#pragma once

#include "fusion/cuda/tile_sum.h"

namespace fusion::cuda {

/// What adding tiles does between filling and multiplying them, where nobody else looks at them.
struct NoVisitor {
  VQA_HOST_DEVICE void operator()() const {}
};

/// sum += A B over the depths from `begin` to `end`. fill(k) fills the memory's tiles from depth k on, with zeros where
/// they reach past the matrices or past `end`; visit() may read them.
template <class T, class Block, class Fill, class Visit = NoVisitor>
VQA_HOST_DEVICE void add_products(const Block& block, TileMemory<T>& memory, TileSum<T>& sum, int begin, int end,
                                  const Fill& fill, Visit visit = {}) {
  for (int k = begin; k < end; k += kDepth) {
    fill(k);
    block.sync();
    visit();
    sum.add(block.thread(), memory);
    block.sync();
  }
}

/// The sum into the memory's C, for all threads to read.
template <class T, class Block>
VQA_HOST_DEVICE void finish_products(const Block& block, TileMemory<T>& memory, const TileSum<T>& sum) {
  sum.store(block.thread(), memory);
  block.sync();
}

}  // namespace fusion::cuda
