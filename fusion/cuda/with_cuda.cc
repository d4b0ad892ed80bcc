// Where VQA_CUDA is on.
#include "fusion/cuda/compress_passes.h"
#include "fusion/cuda/gpu.h"
#include "fusion/cuda/restore_passes.h"
#include "fusion/cuda/slot_rows_cuda.h"

namespace fusion {

std::optional<Compressed> compress_rows_cuda(const CompressInputs& inputs) {
  return inputs.x.is_cuda() ? cuda::compress_rows_on<cuda::Gpu>(inputs) : std::nullopt;
}

std::optional<torch::Tensor> restore_rows_cuda(const RestoreInputs& inputs) {
  return inputs.projected.is_cuda() ? cuda::restore_rows_on<cuda::Gpu>(inputs) : std::nullopt;
}

}  // namespace fusion
