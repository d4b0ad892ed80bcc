// The GPU as the passes see it.
#pragma once

#include <cstdint>

namespace fusion::cuda {

/// The current GPU and stream.
struct Gpu {
  static constexpr int64_t kEnoughBlocks = 512;  // a few on each of an H100's 132 multiprocessors

  /// Runs a body's blocks. Throws c10::Error where the GPU refuses. For the bodies that fusion/cuda/kernels.cu lists.
  template <class Body>
  static void launch(const Body& body);
};

}  // namespace fusion::cuda
