// The kernels: every body for float and bfloat16. LibTorch's large headers are kept out of here, they cost nvcc
// minutes.
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "fusion/cuda/compress_backward.h"
#include "fusion/cuda/compress_forward.h"
#include "fusion/cuda/gpu.h"
#include "fusion/cuda/restore_backward.h"
#include "fusion/cuda/restore_forward.h"

namespace fusion::cuda {
namespace {

/// A thread's view of its block.
struct ThreadBlock {
  __device__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ int64_t index() const { return blockIdx.x; }
  __device__ void sync() const { __syncthreads(); }
};

template <class Body>
__global__ void __launch_bounds__(kThreads, 2) run_body(const Body body) {
  __shared__ typename Body::Shared shared;
  body(ThreadBlock(), shared);
}

}  // namespace

template <class Body>
void Gpu::launch(const Body& body) {
  const int64_t blocks = body.blocks();
  if (blocks == 0) return;
  run_body<<<static_cast<unsigned>(blocks), kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(body);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

#define VQA_KERNEL(Body)                                      \
  template void Gpu::launch<Body<float>>(const Body<float>&); \
  template void Gpu::launch<Body<c10::BFloat16>>(const Body<c10::BFloat16>&)

VQA_KERNEL(ProjectRows);
VQA_KERNEL(SlotStatistics);
VQA_KERNEL(MixRows);
VQA_KERNEL(ScoresBackward);
VQA_KERNEL(RowsBackward);
VQA_KERNEL(WeightBackward);
VQA_KERNEL(RestoreRowsForward);
VQA_KERNEL(LogitsBackward);
VQA_KERNEL(SlotsBackward);

}  // namespace fusion::cuda
