// An ALBERT that is only read from: its weights are prepared once.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "text/albert_options.h"
#include "text/albert_weights.h"

namespace text {

struct FrozenAlbertOptions {
  std::string precision = "float32";  // one of albert_precisions()
  torch::Device device = torch::kCPU;
};

/// float32; bfloat16: matrices and activations, the rest float32. Processors without bfloat16 arithmetic compute it,
/// but slowly.
std::vector<std::string> albert_precisions();

/// Letters as in text/packed_attention.h. Threads may share it.
class FrozenAlbert {
 public:
  /// From tensors by albert_tensors()'s names, of any floating-point type. Throws std::invalid_argument as
  /// AlbertOptions::validate and for an unknown precision, std::runtime_error for a tensor that is missing or has
  /// another shape, naming it.
  FrozenAlbert(const AlbertOptions& options, const data::TensorFile& tensors, const FrozenAlbertOptions& frozen = {});

  /// As AlbertEncoderImpl: `ids` (Q, T) on any device, `lengths` (Q) on the CPU -> (Q, T, D) float32 on its own device,
  /// without gradients.
  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& lengths) const;

  int64_t dim() const { return options_.dim; }

 private:
  AlbertOptions options_;
  torch::Device device_;
  AlbertWeights weights_;
};

}  // namespace text
