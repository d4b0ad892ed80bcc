#include "fusion/mcan.h"

#include "data/settings.h"
#include "fusion/dropout.h"

namespace fusion {

namespace {

AttentionOptions block(const McanOptions& options, const std::string& kind, int64_t max_length) {
  AttentionOptions block = options.layer.attention;
  if (!kind.empty()) block.kind = kind;
  block.max_length = max_length;
  return block;
}

}  // namespace

AttentionOptions McanOptions::question_block() const { return block(*this, question_attention, max_tokens); }
AttentionOptions McanOptions::image_block() const { return block(*this, image_attention, max_cells); }
AttentionOptions McanOptions::cross_block() const { return block(*this, cross_attention, max_tokens); }

void McanOptions::validate() const {
  for (const auto& [name, kind] : {std::pair{"question-attention", &question_attention},
                                   {"image-attention", &image_attention},
                                   {"cross-attention", &cross_attention}}) {
    if (!kind->empty()) data::find_named(name, *kind, attention_kinds());
  }
  data::check_at_least("max-tokens", max_tokens, 1);
  data::check_at_least("max-cells", max_cells, 1);
  for (const AttentionOptions& attention : {question_block(), image_block(), cross_block()}) {
    LayerOptions checked = layer;
    checked.attention = attention;
    checked.validate();
  }
  data::check_at_least("encoder-layers", encoder_layers, 0);
  data::check_at_least("decoder-layers", decoder_layers, 0);
  data::check_at_least("share-layers", share_layers, 1);
}

McanImpl::McanImpl(const McanOptions& options) : options_(options) {
  options.validate();
  const bool encodes = options.encoder_layers > 0, decodes = options.decoder_layers > 0;
  const auto has_state = [](const AttentionOptions& block) { return attention_kind(block.kind).has_state; };
  if ((encodes && has_state(options.question_block())) || (decodes && has_state(options.cross_block())))
    question_state_ = register_parameter("question_state", initial_state(options.layer.attention));
  if (decodes && has_state(options.image_block()))
    image_state_ = register_parameter("image_state", initial_state(options.layer.attention));
  LayerOptions encoder = options.layer, decoder = options.layer;
  encoder.attention = options.question_block();
  decoder.attention = options.image_block();
  for (int64_t i = 0; i < options.encoder_layers; i += options.share_layers) encoder_->push_back(EncoderLayer(encoder));
  for (int64_t i = 0; i < options.decoder_layers; i += options.share_layers)
    decoder_->push_back(DecoderLayer(decoder, options.cross_block()));
  register_module("encoder", encoder_);
  register_module("decoder", decoder_);
}

Encoded McanImpl::encode(const Sequence& question) {
  Encoded words{question, first_state(question_state_, question.features.size(0)), question_state_.defined()};
  for (int64_t i = 0; i < options_.encoder_layers; ++i) words = encoder(i).forward(words);
  return words;
}

McanImpl::Output McanImpl::forward(const Sequence& question, const Sequence& image, const torch::Tensor& image_index) {
  const Encoded words = encode(question);
  Encoded cells{image, first_state(image_state_, image.features.size(0)), image_state_.defined()};
  for (int64_t i = 0; i < options_.decoder_layers; ++i) {
    cells = decoder(i).self(cells);
    if (i == 0 && image_index.defined()) {
      cells.sequence = cells.sequence.rows(image_index);  // (Q, n, D)
      if (cells.state.defined()) cells.state = cells.state.index_select(0, image_index);
    }
    cells = decoder(i).guided(cells, words);
  }
  return {words.sequence, cells.sequence};
}

torch::Tensor McanImpl::penalty() const {
  torch::Tensor sum;
  for (int64_t i = 0; i < options_.encoder_layers; ++i) sum = add_penalties(sum, encoder(i).penalty());
  for (int64_t i = 0; i < options_.decoder_layers; ++i) sum = add_penalties(sum, decoder(i).penalty());
  return sum;
}

torch::Tensor McanImpl::first_state(const torch::Tensor& learnt, int64_t batch) {
  if (!learnt.defined()) return learnt;
  const torch::Tensor state = learnt.expand({batch, -1, -1});  // (B, d_p, D), a view
  return hashed_dropout(state, options_.layer.dropout, is_training());
}

}  // namespace fusion
