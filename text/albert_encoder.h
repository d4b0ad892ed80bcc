// ALBERT as an encoder of questions, as Hugging Face's AlbertModel computes its last_hidden_state.
#pragma once

#include <torch/torch.h>

#include "text/albert_options.h"
#include "text/question_encoder.h"

namespace text {

/// Parameters have Hugging Face's names (text/albert_weights.h lists them), without the pooler. They begin as Hugging
/// Face's do: matrices and embeddings normal with deviation 0.02, padding's embedding zero.
///
/// Padding is never computed. Where a gradient is recorded, and on other devices than the CPU, LibTorch's functions run
/// over the tokens alone; otherwise the kernels of text/albert_layers.h do.
class AlbertEncoderImpl : public QuestionEncoderImpl {
 public:
  /// Throws std::invalid_argument as AlbertOptions::validate.
  explicit AlbertEncoderImpl(const AlbertOptions& options);

  /// As QuestionEncoderImpl. Throws std::invalid_argument for a length out of 1 to T, or above `positions`.
  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& lengths) override;
  int64_t dim() const override { return options_.dim; }

 private:
  AlbertOptions options_;
};
TORCH_MODULE(AlbertEncoder);

}  // namespace text
