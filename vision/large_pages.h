// Memory on the processor's large pages: numbers that are read over and over cost fewer look-ups of addresses, and
// hundreds of megabytes are there after a hundred calls of the system instead of sixty thousand.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace vision {

/// (count) float32, undefined; on large pages where the system has them. Goes back to the system with the last tensor
/// that shares it. Throws std::bad_alloc.
torch::Tensor on_large_pages(int64_t count);

/// Hands out memory for a network's weights from a few large pieces.
class WeightMemory {
 public:
  /// float32, undefined, aligned to 64 bytes.
  torch::Tensor take(at::IntArrayRef shape);

 private:
  torch::Tensor piece_;  // what is left of the last one
};

}  // namespace vision
