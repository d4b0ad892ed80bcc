// The list of settings: names and help, once.
#include "data/settings.h"
#include "fusion/attention.h"
#include "text/question_encoder.h"
#include "text/tokenizer.h"
#include "vision/image_rule.h"
#include "vision/resnet.h"
#include "vqa/config.h"

namespace vqa {

using data::listed;

std::vector<Field> fields(ModelConfig& c) {
  return {
      {"attention", "attention kind: " + listed(data::names_of(fusion::attention_kinds())), &c.attention},
      {"dim", "model width", &c.dim},
      {"heads", "attention heads; divides dim, and d-in with dba", &c.heads},
      {"d-p", "dba: length of the compressed sequence", &c.d_p},
      {"d-in", "dba: width of its query and key projections over all heads", &c.d_in},
      {"encoder-layers", "layers on the question", &c.encoder_layers},
      {"decoder-layers", "layers on the image", &c.decoder_layers},
      {"feed-forward", "inner width of the feed-forward blocks", &c.feed_forward},
      {"activation", "of the feed-forward blocks: relu or gelu", &c.activation},
      {"layer-norm", "form of the layer norms: standard or openvqa", &c.layer_norm},
      {"dropout", "probability", &c.dropout},
      {"pool-dim", "hidden width of the attentional pooling", &c.pool_dim},
      {"fused-dim", "width of the vector that the classifier reads", &c.fused_dim},
      {"grid-position", "position of a grid cell: none, learned or sine", &c.grid_position},
      {"tokenizer", "how questions are cut: " + listed(text::tokenizer_kinds()), &c.tokenizer},
      {"max-tokens", "longer questions are cut to this many tokens", &c.max_tokens},
      {"vocabulary-size", "sentencepiece: pieces to train", &c.vocabulary_size},
      {"question-encoder", "what reads the tokens: " + listed(text::question_encoder_names()), &c.question_encoder},
      {"word-dim", "width of a token's embedding", &c.word_dim},
      {"backbone", "what sees the image: " + listed(vision::ResNetImpl::names()), &c.backbone},
      {"freeze-backbone", "keep the backbone's weights and statistics as they are", &c.freeze_backbone},
      {"image-rule", "filter, channels and figures of the image: " + listed(data::names_of(vision::image_rules())),
       &c.image_rule},
      {"image-size", "pixels: 448, a square; 600/1000, the shorter side and the most of the longer; /1000, the longer",
       &c.image_size},
      {"min-answer-count", "answers kept occur at least this often in training", &c.min_answer_count},
  };
}

std::vector<Field> fields(TrainingConfig& c) {
  return {
      {"split", "splits to train on, joined by +", &c.split},
      {"val-split", "splits to evaluate on after each epoch; empty for none", &c.val_split},
      {"epochs", "passes over the training questions", &c.epochs},
      {"batch-size", "questions a batch, grouped by image; an image's questions stay together where they fit",
       &c.batch_size},
      {"learning-rate", "Adam's base learning rate", &c.learning_rate},
      {"beta1", "Adam's first decay rate", &c.beta1},
      {"beta2", "Adam's second decay rate", &c.beta2},
      {"adam-eps", "Adam's epsilon", &c.adam_eps},
      {"schedule", "linear: warm-up and decay by step; steps: openvqa's stairs by epoch", &c.schedule},
      {"warmup-epochs", "epochs of warm-up", &c.warmup_epochs},
      {"decay-share", "linear: the last share of training, over which the rate falls to zero", &c.decay_share},
      {"decay-epochs", "steps: epochs (from 0) that begin with a lower rate", &c.decay_epochs},
      {"decay-factor", "steps: what the rate is multiplied by there", &c.decay_factor},
      {"gradient-clip", "largest norm of the gradient; 0 for no limit", &c.gradient_clip},
      {"seed", "of weights, order and dropout", &c.seed},
      {"log-every", "steps between lines of metrics.jsonl", &c.log_every},
      {"save-every", "steps between saved training states besides the end of each epoch; 0 for none", &c.save_every},
  };
}

std::vector<Field> fields(Config& config) {
  std::vector<Field> all = fields(config.model);
  for (Field& field : fields(config.training)) all.push_back(std::move(field));
  return all;
}

}  // namespace vqa
