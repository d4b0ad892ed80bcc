// All settings: names, help and what they may be, once.
#include "data/settings.h"
#include "fusion/attention.h"
#include "fusion/feature_kernel.h"
#include "fusion/grid_position.h"
#include "fusion/layers.h"
#include "fusion/linformer_attention.h"
#include "text/frozen_albert.h"
#include "text/make_question_encoder.h"
#include "text/tokenizer.h"
#include "vision/image_rule.h"
#include "vision/resnet.h"
#include "vqa/config.h"
#include "vqa/loss.h"
#include "vqa/schedule.h"

namespace vqa {
namespace {

using data::kBelowOne;
using data::names_of;

/// Wider and deeper models than any there is are typing errors, and would end in a failed allocation.
constexpr data::Range<double> kWidth{.least = 1, .most = 65'536}, kDepth{.least = 1, .most = 1000},
    kDepthOrNone{.least = 0, .most = 1000};
constexpr data::Range<double> kOneOrMore{.least = 1}, kZeroOrMore{.least = 0}, kShare{.least = 0, .most = 1},
    kAboveZero{.least = 0, .above_least = true};

/// A setting that is one of several names; its help ends with them.
Field one_of(const std::string& name, const std::string& help, std::string* value, std::vector<std::string> names) {
  return {name, help + ": " + data::listed(names), value, {}, std::move(names)};
}

std::string schedule_help() {
  std::string text;
  for (const Schedule& each : schedules()) text += (text.empty() ? "" : "; ") + each.name + ": " + each.help;
  return text;
}

}  // namespace

std::vector<Field> fields(ModelConfig& c) {
  return {
      one_of("attention", "attention kind", &c.attention, names_of(fusion::attention_kinds())),
      {"question-attention", "kind of the question's self-attention; empty for --attention's", &c.question_attention},
      {"image-attention", "kind of the image's self-attention; empty for --attention's", &c.image_attention},
      {"cross-attention", "kind of the image's attention to the question; empty for --attention's", &c.cross_attention},
      {"dim", "model width", &c.dim, kWidth},
      {"heads", "attention heads; divides dim, and d-in with dba and dba-paper", &c.heads},
      {"d-p", "dba, dba-paper: length of the compressed sequence; at most dim", &c.d_p, kWidth},
      {"d-in", "dba, dba-paper: width of the compressed rows' queries and keys over all heads", &c.d_in, kWidth},
      {"linformer-k", "linformer: length to which keys are compressed", &c.linformer_k, kWidth},
      one_of("linformer-sharing", "linformer: who shares a map", &c.linformer_sharing, fusion::linformer_sharings()),
      {"max-cells", "linformer: cells of the largest grid", &c.max_cells, kWidth},
      one_of("kernel", "ffkernel: layers of the kernel", &c.kernel, names_of(fusion::feature_kernel_forms())),
      {"kernel-depth", "ffkernel: how many layers it has", &c.kernel_depth, kDepth},
      {"encoder-layers", "layers on the question", &c.encoder_layers, kDepthOrNone},
      {"decoder-layers", "layers on the image", &c.decoder_layers, kDepth},
      {"share-layers", "tie layers: so many consecutive ones of a side have one set of weights", &c.share_layers,
       kDepth},
      {"feed-forward", "inner width of the feed-forward blocks", &c.feed_forward, kWidth},
      one_of("activation", "of the feed-forward blocks", &c.activation, names_of(fusion::activations())),
      one_of("layer-norm", "form of the layer norms", &c.layer_norm, fusion::layer_norm_forms()),
      {"dropout", "probability", &c.dropout, kBelowOne},
      {"pool-dim", "hidden width of the attentional pooling", &c.pool_dim, kWidth},
      {"fused-dim", "width of the vector that the classifier reads", &c.fused_dim,
       data::Range<double>{.least = 2, .most = kWidth.most}},
      one_of("grid-position", "position of a grid cell", &c.grid_position, fusion::grid_position_forms()),
      one_of("tokenizer", "how questions are cut", &c.tokenizer, text::tokenizer_kinds()),
      {"max-tokens", "longer questions are cut to this many tokens", &c.max_tokens},
      {"vocabulary-size", "sentencepiece: pieces to train", &c.vocabulary_size},
      {"lower-case", "sentencepiece: read capitals as small letters", &c.lower_case},
      {"keep-accents", "sentencepiece: leave characters their accents", &c.keep_accents},
      one_of("question-encoder", "what reads the tokens", &c.question_encoder, text::question_encoder_names()),
      {"freeze-question", "keep the question encoder's weights as they are", &c.freeze_question},
      one_of("question-precision", "albert with freeze-question: computed in", &c.question_precision,
             text::albert_precisions()),
      {"word-dim", "width of a token's embedding", &c.word_dim, kWidth},
      {"question-dim", "albert: width of its layers", &c.question_dim, kWidth},
      {"question-layers", "albert: how often a layer is run", &c.question_layers, kDepth},
      {"question-groups", "albert: sets of weights that the layers share", &c.question_groups, kDepth},
      {"question-inner-layers", "albert: layers in a set", &c.question_inner_layers, kDepth},
      {"question-heads", "albert: attention heads; divides question-dim", &c.question_heads, kWidth},
      {"question-feed-forward", "albert: inner width of the feed-forward blocks", &c.question_feed_forward, kWidth},
      one_of("question-activation", "albert: of the feed-forward blocks", &c.question_activation,
             text::albert_activations()),
      {"question-positions", "albert: tokens of the longest question; at least max-tokens", &c.question_positions,
       kWidth},
      {"question-types", "albert: token types", &c.question_types, kWidth},
      {"question-norm-eps", "albert: epsilon of its layer norms", &c.question_norm_eps, kAboveZero},
      {"no-image", "learn to answer from the question alone: the language prior", &c.no_image},
      one_of("backbone", "what sees the image", &c.backbone, vision::ResNetImpl::names()),
      {"freeze-backbone", "keep the backbone's weights and statistics as they are", &c.freeze_backbone},
      one_of("image-rule", "filter, channels and figures of the image", &c.image_rule, names_of(vision::image_rules())),
      {"image-size", "pixels: 448, a square; 600/1000, the shorter side and the most of the longer; /1000, the longer",
       &c.image_size},
      one_of("loss", "cross-entropy of", &c.loss, names_of(losses())),
      {"min-answer-count", "answers kept occur at least this often in training", &c.min_answer_count, kOneOrMore},
  };
}

std::vector<Field> fields(TrainingConfig& c) {
  return {
      {"split", "splits to train on, joined by +", &c.split},
      {"val-split", "splits to evaluate on after each epoch; empty for none", &c.val_split},
      {"epochs", "passes over the training questions", &c.epochs, kOneOrMore},
      {"batch-size", "questions a batch, grouped by image; an image's questions stay together where they fit",
       &c.batch_size, kOneOrMore},
      {"learning-rate", "Adam's base learning rate", &c.learning_rate, kAboveZero},
      {"question-lr-scale", "what the learning rate is multiplied by for the question encoder", &c.question_lr_scale,
       kZeroOrMore},
      {"beta1", "Adam's first decay rate", &c.adam.beta1, kBelowOne},
      {"beta2", "Adam's second decay rate", &c.adam.beta2, kBelowOne},
      {"adam-eps", "Adam's epsilon", &c.adam.eps, kAboveZero},
      {"schedule", schedule_help(), &c.schedule, {}, names_of(schedules())},
      {"warmup-epochs", "epochs of warm-up", &c.warmup_epochs, kZeroOrMore},
      {"decay-share", "linear: the last share of training, over which the rate falls to zero", &c.decay_share, kShare},
      {"decay-epochs", "steps: epochs (from 0) that begin with a lower rate", &c.decay_epochs},
      {"decay-factor", "steps: what the rate is multiplied by there", &c.decay_factor, kAboveZero},
      {"kernel-penalty", "ffkernel: weight in the loss of its kernels' distance from orthogonal", &c.kernel_penalty,
       kZeroOrMore},
      {"augment-crop", "largest share of either side of a picture that is cut away at random", &c.augment.crop,
       kBelowOne},
      {"augment-rotate", "most degrees by which pictures are turned at random", &c.augment.rotate,
       data::Range<double>{.least = 0, .most = 180}},
      {"augment-brightness", "largest share of black to white by which pictures grow brighter or darker at random",
       &c.augment.brightness, kShare},
      {"augment-contrast", "largest share by which their contrast grows or shrinks at random", &c.augment.contrast,
       kShare},
      {"augment-words", "share of a question's words that are read as unknown at random", &c.augment_words, kBelowOne},
      {"gradient-clip", "largest norm of the gradient; 0 for no limit", &c.gradient_clip, kZeroOrMore},
      {"seed", "of weights, order and dropout", &c.seed, kZeroOrMore},
      {"log-every", "steps between lines of metrics.jsonl", &c.log_every, kOneOrMore},
      {"save-every", "steps between saved training states besides the end of each epoch; 0 for none", &c.save_every,
       kZeroOrMore},
  };
}

std::vector<Field> fields(Config& config) {
  std::vector<Field> all = fields(config.model);
  for (Field& field : fields(config.training)) all.push_back(std::move(field));
  return all;
}

}  // namespace vqa
