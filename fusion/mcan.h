// The encoder-decoder in which question and image meet.
#pragma once

#include <torch/torch.h>

#include "fusion/layers.h"

namespace fusion {

struct McanOptions {
  LayerOptions layer;
  int64_t encoder_layers = 6;  // on the question; may be 0
  int64_t decoder_layers = 6;  // on the image, guided by the encoded question; 0 for an encoder alone

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// MCAN's encoder-decoder (Yu et al. 2019, "Deep Modular Co-Attention Networks", section 3.2) with any attention kind.
/// A kind with a state starts each side with a learnt one (`question_state`, `image_state`), dropped out once.
class McanImpl : public torch::nn::Module {
 public:
  explicit McanImpl(const McanOptions& options);

  struct Output {
    Sequence question;  // (Q, T, D)
    Sequence image;     // (Q, n, D)
  };

  /// The question alone, (Q, T, D), through the encoder.
  Encoded encode(const Sequence& question);

  /// `question` (Q, T, D), `image` (I, n, D) and the image each question is about, `image_index` (Q) int64 on the same
  /// device; undefined when question i is about image i. What does not depend on the question runs once per image.
  Output forward(const Sequence& question, const Sequence& image, const torch::Tensor& image_index);

 private:
  torch::Tensor first_state(const torch::Tensor& learnt, int64_t batch);

  McanOptions options_;
  torch::Tensor question_state_, image_state_;  // (d_p, D); undefined where no layer reads it
  torch::nn::ModuleList encoder_, decoder_;
};
TORCH_MODULE(Mcan);

}  // namespace fusion
