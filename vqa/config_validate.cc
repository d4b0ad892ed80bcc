#include "data/settings.h"
#include "fusion/grid_position.h"
#include "text/question_encoder.h"
#include "text/tokenizer.h"
#include "vision/resnet.h"
#include "vqa/config.h"
#include "vqa/model.h"
#include "vqa/schedule.h"

namespace vqa {
namespace {

using data::check_at_least;
using data::check_range;
using data::refuse_value;

/// Wider models than any there is are typing errors, and would end in a failed allocation.
constexpr int64_t kWidest = 65'536, kDeepest = 1000;

}  // namespace

void ModelConfig::validate() const {
  for (const auto& [name, value] : {std::pair{"dim", dim},
                                    {"d-p", d_p},
                                    {"d-in", d_in},
                                    {"feed-forward", feed_forward},
                                    {"pool-dim", pool_dim},
                                    {"fused-dim", fused_dim},
                                    {"word-dim", word_dim}}) {
    check_range(name, value, 1, kWidest);
  }
  check_range("encoder-layers", encoder_layers, 1, kDeepest);
  check_range("decoder-layers", decoder_layers, 1, kDeepest);
  mcan_options(*this).validate();
  fusion::GridPositionOptions{.form = grid_position, .dim = dim}.validate();
  vision::ImageTransform{transform_options(*this)};
  data::check_name("backbone", backbone, vision::ResNetImpl::names());
  data::check_name("tokenizer", tokenizer, text::tokenizer_kinds());
  data::check_name("question-encoder", question_encoder, text::question_encoder_names());
  check_at_least("fused-dim", fused_dim, 2);
  check_range("max-tokens", max_tokens, 1, text::kMostTokens);
  check_at_least("vocabulary-size", vocabulary_size, 8);
  check_at_least("min-answer-count", min_answer_count, 1);
}

void TrainingConfig::validate() const {
  check_at_least("epochs", epochs, 1);
  check_at_least("batch-size", batch_size, 1);
  check_at_least("seed", seed, 0);
  check_at_least("log-every", log_every, 1);
  check_at_least("save-every", save_every, 0);
  if (!(learning_rate > 0)) refuse_value("learning-rate", learning_rate, "above 0");
  if (!(beta1 >= 0 && beta1 < 1)) refuse_value("beta1", beta1, "0 up to but not including 1");
  if (!(beta2 >= 0 && beta2 < 1)) refuse_value("beta2", beta2, "0 up to but not including 1");
  if (!(adam_eps > 0)) refuse_value("adam-eps", adam_eps, "above 0");
  if (!(gradient_clip >= 0)) refuse_value("gradient-clip", gradient_clip, "0 (no limit) or more");
  if (!(warmup_epochs >= 0)) refuse_value("warmup-epochs", warmup_epochs, "0 or more");
  if (!(decay_share >= 0 && decay_share <= 1)) refuse_value("decay-share", decay_share, "0 to 1");
  if (!(decay_factor > 0)) refuse_value("decay-factor", decay_factor, "above 0");
  data::check_name("schedule", schedule, {"linear", "steps"});
  decay_epoch_list(*this);
}

}  // namespace vqa
