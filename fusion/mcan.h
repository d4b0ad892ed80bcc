// The encoder-decoder in which question and image meet.
#pragma once

#include <torch/torch.h>

#include "fusion/layers.h"

namespace fusion {

struct McanOptions {
  LayerOptions layer;  // of every layer; its attention is that of every block for which none is named here
  std::string question_attention, image_attention;  // kinds of each side's self-attention; empty: layer.attention's
  std::string cross_attention;                      // kind of the image's attention to the question; likewise
  int64_t max_tokens = 14;                          // longest question, where a kind has a greatest length
  int64_t max_cells = 608;                          // most cells of an image, likewise
  int64_t encoder_layers = 6;                       // on the question; may be 0
  int64_t decoder_layers = 6;  // on the image, guided by the encoded question; 0 for an encoder alone
  int64_t share_layers = 1;    // so many consecutive layers of a side are one layer run that often

  /// The options of a block of attention: layer.attention, of the block's kind and length of keys.
  AttentionOptions question_block() const, image_block() const, cross_block() const;

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// MCAN's encoder-decoder (Yu et al. 2019, "Deep Modular Co-Attention Networks", section 3.2) with any attention kinds.
/// A kind with a state starts each side with a learnt one (`question_state`, `image_state`), dropped out once. Where
/// the question's own self-attention leaves none, cross-attention makes the one it asks for of the encoded question.
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

  /// What the attention kinds add to a loss, summed over all that is run; undefined where they add nothing.
  torch::Tensor penalty() const;

 private:
  EncoderLayerImpl& encoder(int64_t i) const { return *encoder_->ptr(i / options_.share_layers)->as<EncoderLayer>(); }
  DecoderLayerImpl& decoder(int64_t i) const { return *decoder_->ptr(i / options_.share_layers)->as<DecoderLayer>(); }
  torch::Tensor first_state(const torch::Tensor& learnt, int64_t batch);

  McanOptions options_;
  torch::Tensor question_state_, image_state_;  // (d_p, D); undefined where no layer reads it
  torch::nn::ModuleList encoder_, decoder_;     // of every share_layers layers one
};
TORCH_MODULE(Mcan);

}  // namespace fusion
