#include "fusion/grid_position.h"
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

void ModelConfig::validate() const {
  ModelConfig copy = *this;
  for (const Field& field : fields(copy)) field.check();
  // What the rooms below ask of settings together.
  mcan_options(*this).validate();
  fusion::GridPositionOptions{.form = grid_position, .dim = dim}.validate();
  vision::ImageTransform{transform_options(*this)};
  tokenizer_options(*this).validate();
}

void TrainingConfig::validate() const {
  TrainingConfig copy = *this;
  for (const Field& field : fields(copy)) field.check();
  decay_epoch_list(*this);
}

}  // namespace vqa
