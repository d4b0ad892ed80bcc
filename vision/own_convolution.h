// Convolutions by the kernels of vision/convolution_kernels.h, shared out over threads.
#pragma once

#include <memory>

#include "vision/fused_convolution.h"

namespace vision {

/// A convolution of this shape, float32, where this processor has AVX2 and FMA and our kernels are known to be faster
/// than oneDNN's; else null. 1x1 convolutions are left to oneDNN where it has vectors of 16 numbers.
std::unique_ptr<FusedConvolution> make_own_convolution(const ConvolutionShape& shape, const ConvolutionWeights& weights,
                                                       WeightMemory* memory);

}  // namespace vision
