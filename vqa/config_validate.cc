#include "fusion/grid_position.h"
#include "text/frozen_albert.h"
#include "text/make_question_encoder.h"
#include "vqa/config.h"
#include "vqa/model.h"
#include "vqa/schedule.h"

namespace vqa {

text::TokenizerOptions tokenizer_options(const ModelConfig& c) {
  return {.kind = c.tokenizer,
          .max_tokens = c.max_tokens,
          .vocabulary_size = c.vocabulary_size,
          .lower_case = c.lower_case,
          .keep_accents = c.keep_accents};
}

text::AlbertOptions albert_options(const ModelConfig& c, int64_t words) {
  return {.vocabulary_size = words,
          .embedding_dim = c.word_dim,
          .dim = c.question_dim,
          .layers = c.question_layers,
          .groups = c.question_groups,
          .inner_layers = c.question_inner_layers,
          .heads = c.question_heads,
          .feed_forward = c.question_feed_forward,
          .positions = c.question_positions,
          .types = c.question_types,
          .activation = c.question_activation,
          .layer_norm_eps = c.question_norm_eps};
}

void take_settings(const text::AlbertOptions& albert, ModelConfig& c) {
  c.question_encoder = text::kAlbert;
  c.word_dim = albert.embedding_dim;
  c.question_dim = albert.dim;
  c.question_layers = albert.layers;
  c.question_groups = albert.groups;
  c.question_inner_layers = albert.inner_layers;
  c.question_heads = albert.heads;
  c.question_feed_forward = albert.feed_forward;
  c.question_positions = albert.positions;
  c.question_types = albert.types;
  c.question_activation = albert.activation;
  c.question_norm_eps = albert.layer_norm_eps;
}

namespace {

/// What settings of an ALBERT have to be together.
void check_albert(const ModelConfig& c) {
  const bool frozen = c.question_encoder == text::kAlbert && c.freeze_question;
  if (!frozen && c.question_precision != text::FrozenAlbertOptions().precision)
    data::refuse_value("question-precision", c.question_precision, "for an ALBERT with freeze-question alone");
  if (c.question_encoder != text::kAlbert) return;
  albert_options(c, /*words=*/2).validate("question-");
  if (c.question_positions < c.max_tokens) {
    data::refuse_value("question-positions", c.question_positions,
                       "at least max-tokens, " + std::to_string(c.max_tokens));
  }
}

}  // namespace

void ModelConfig::validate() const {
  ModelConfig copy = *this;
  for (const Field& field : fields(copy)) field.check();
  // What the rooms below ask of settings together.
  mcan_options(*this).validate();
  fusion::GridPositionOptions{.form = grid_position, .dim = dim}.validate();
  vision::ImageTransform{transform_options(*this)};
  tokenizer_options(*this).validate();
  check_albert(*this);
}

void TrainingConfig::validate() const {
  TrainingConfig copy = *this;
  for (const Field& field : fields(copy)) field.check();
  decay_epoch_list(*this);
}

}  // namespace vqa
