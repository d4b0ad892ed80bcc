#include "fusion/mcan.h"

#include "data/settings.h"
#include "fusion/dropout.h"

namespace fusion {

void McanOptions::validate() const {
  layer.validate();
  data::check_at_least("encoder-layers", encoder_layers, 0);
  data::check_at_least("decoder-layers", decoder_layers, 0);
}

McanImpl::McanImpl(const McanOptions& options) : options_(options) {
  options.validate();
  if (attention_kind(options.layer.attention.kind).has_state) {
    if (options.encoder_layers + options.decoder_layers > 0) {
      question_state_ = register_parameter("question_state", initial_state(options.layer.attention));
    }
    if (options.decoder_layers > 0) {
      image_state_ = register_parameter("image_state", initial_state(options.layer.attention));
    }
  }
  for (int64_t i = 0; i < options.encoder_layers; ++i) encoder_->push_back(EncoderLayer(options.layer));
  for (int64_t i = 0; i < options.decoder_layers; ++i) decoder_->push_back(DecoderLayer(options.layer));
  register_module("encoder", encoder_);
  register_module("decoder", decoder_);
}

Encoded McanImpl::encode(const Sequence& question) {
  Encoded words{question, first_state(question_state_, question.features.size(0))};
  for (const auto& layer : *encoder_) words = layer->as<EncoderLayer>()->forward(words);
  return words;
}

McanImpl::Output McanImpl::forward(const Sequence& question, const Sequence& image, const torch::Tensor& image_index) {
  const Encoded words = encode(question);
  Encoded cells{image, first_state(image_state_, image.features.size(0))};
  bool per_image = true;
  for (const auto& layer : *decoder_) {
    cells = layer->as<DecoderLayer>()->self(cells);
    if (per_image && image_index.defined()) {
      cells.sequence = cells.sequence.rows(image_index);  // (Q, n, D)
      if (cells.state.defined()) cells.state = cells.state.index_select(0, image_index);
    }
    per_image = false;
    cells = layer->as<DecoderLayer>()->guided(cells, words);
  }
  return {words.sequence, cells.sequence};
}

torch::Tensor McanImpl::first_state(const torch::Tensor& learnt, int64_t batch) {
  if (!learnt.defined()) return learnt;
  const torch::Tensor state = learnt.expand({batch, -1, -1});  // (B, d_p, D), a view
  return hashed_dropout(state, options_.layer.dropout, is_training());
}

}  // namespace fusion
