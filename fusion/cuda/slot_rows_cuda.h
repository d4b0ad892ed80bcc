// compress_rows and restore_rows by this project's kernels on a GPU.
//
// Every block of threads makes one tile of a matrix product whose factors it fills in shared memory, padding left out:
// weights are made there from keys and queries (or logits) and never stand in memory. float multiplies in float;
// bfloat16 on tensor cores, with sums and softmaxes in float. Sums are taken in one order: results do not vary from run
// to run. Neither pass needs more memory than its results, of_projected once more and, where samples are too few to
// occupy a GPU, a partial sum for each part of a sequence.
#pragma once

#include <optional>

#include "fusion/compress_rows.h"
#include "fusion/restore_rows.h"

namespace fusion {

/// Nothing where no kernel applies: a tensor that is on no GPU, a type other than float and bfloat16 or several types
/// mixed, d_p above 64, r above 16, or a build without CUDA.
std::optional<Compressed> compress_rows_cuda(const CompressInputs& inputs);
std::optional<torch::Tensor> restore_rows_cuda(const RestoreInputs& inputs);

}  // namespace fusion
