// 1x1 convolutions in 8-bit whole numbers, through oneDNN as LibTorch offers it. Activations stay float32 between
// convolutions; each convolution rounds its input by a scale that it learnt from pictures.
#pragma once

#include <memory>
#include <vector>

#include "vision/fused_convolution.h"

namespace vision {

/// A 1x1 convolution of stride 1 whose input is never negative. It begins in float32, looking at its inputs; from
/// finish_calibration() on it computes in 8 bits: weights by a scale per output channel, inputs by one scale.
class Int8Convolution : public FusedConvolution {
 public:
  Int8Convolution(const ConvolutionShape& shape, const ConvolutionWeights& weights, WeightMemory* memory);

  torch::Tensor forward(const torch::Tensor& x, ActivationBuffer& buffer, bool relu) override;
  void add_forward(const torch::Tensor& x, torch::Tensor& sum) override;

  /// Throws std::logic_error where there was no forward pass yet.
  void finish_calibration();

 private:
  /// x / scale, rounded, in 0..most: (I, C, h, w) uint8 in channels-last order.
  torch::Tensor quantize(const torch::Tensor& x);
  void observe(const torch::Tensor& x);

  std::unique_ptr<FusedConvolution> exact_;  // until calibration is finished
  ConvolutionWeights weights_;               // the same
  std::vector<float> observed_;              // a large input of each forward pass so far
  torch::Tensor packed_;                     // in oneDNN's own order
  torch::Tensor scales_;                     // (K): what a step of a weight is worth
  torch::Tensor zeros_;                      // (K)
  torch::Tensor bias_;                       // (K)
  double input_scale_ = 0;                   // what a step of an input is worth
  torch::Tensor quantized_;                  // memory of the rounded input
};

}  // namespace vision
