#include "data/settings.h"
#include "vqa/config.h"

namespace vqa {
namespace {

/// The defaults of ModelConfig and TrainingConfig.
Config shapes() { return {}; }

/// MCAN-small with openvqa's hyper-parameters (Yu et al. 2019; openvqa's configs/vqa/mcan_small.yml), from pixels.
Config mcan_small() {
  Config config;
  ModelConfig& model = config.model;
  model.attention = "vanilla";
  model.dim = 512;
  model.heads = 8;
  model.encoder_layers = 6;
  model.decoder_layers = 6;
  model.feed_forward = 2048;
  model.dropout = 0.1;
  model.activation = "relu";
  model.layer_norm = "openvqa";
  model.pool_dim = 512;
  model.fused_dim = 1024;
  model.grid_position = "none";
  model.word_dim = 300;
  model.backbone = "resnet50";
  model.image_size = "448";
  TrainingConfig& training = config.training;
  training.epochs = 13;
  training.batch_size = 64;
  training.learning_rate = 1e-4;
  training.schedule = "steps";
  training.warmup_epochs = 3;
  training.gradient_clip = 0;
  return config;
}

/// MCAN-large, likewise (configs/vqa/mcan_large.yml).
Config mcan_large() {
  Config config = mcan_small();
  ModelConfig& model = config.model;
  model.dim = 1024;
  model.feed_forward = 4096;
  model.fused_dim = 2048;
  config.training.learning_rate = 7e-5;
  return config;
}

/// The DBA paper's: MCAN's widths and depth over a ResNet-152's grid of any form, questions read by ALBERT-base.
Config dba_small() {
  Config config = mcan_small();
  ModelConfig& model = config.model;
  model.attention = "dba";
  model.d_p = 16;
  model.d_in = 24;
  model.layer_norm = "standard";
  model.activation = "gelu";
  model.grid_position = "sine";
  model.tokenizer = "sentencepiece";
  model.max_tokens = 16;
  model.vocabulary_size = 30'000;
  take_settings(text::AlbertOptions(), model);
  model.backbone = "resnet152";
  model.image_rule = "grid-feats";
  model.image_size = "600/1000";
  return config;
}

/// A few hundred pictures with a few thousand questions, one answer each: both are changed at random, the questions so
/// that they are not learnt by heart before the pictures are looked at; in such a set every answer counts.
Config few_pictures() {
  Config config;
  ModelConfig& model = config.model;
  model.dim = 128;
  model.word_dim = 128;
  model.encoder_layers = 1;
  model.decoder_layers = 1;
  model.feed_forward = 256;
  model.pool_dim = 128;
  model.fused_dim = 256;
  model.d_in = 32;
  model.dropout = 0.3;
  model.loss = "softmax";
  model.min_answer_count = 1;
  TrainingConfig& training = config.training;
  training.epochs = 40;
  training.batch_size = 64;
  training.learning_rate = 1e-3;
  training.adam.beta2 = 0.999;
  training.adam.eps = 1e-8;
  training.decay_share = 0.9;
  training.augment = {.crop = 0.2, .rotate = 10, .brightness = 0.1, .contrast = 0.2};
  training.augment_words = 0.4;
  return config;
}

/// Language alone: what a set's answers owe to its questions.
Config language() {
  Config config;
  ModelConfig& model = config.model;
  model.no_image = true;
  model.dim = 256;
  model.word_dim = 300;
  model.encoder_layers = 0;
  model.pool_dim = 256;
  model.fused_dim = 512;
  model.dropout = 0.1;
  model.loss = "softmax";
  model.min_answer_count = 5;
  TrainingConfig& training = config.training;
  training.epochs = 4;
  training.learning_rate = 2e-3;
  training.adam.beta2 = 0.999;
  training.adam.eps = 1e-8;
  training.warmup_epochs = 0.2;
  training.decay_share = 0.95;
  training.gradient_clip = 5;
  return config;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      {"shapes", "small DBA model with a small ResNet trained from pixels, 64x64", shapes},
      {"mcan-small", "MCAN-small with softmax attention and openvqa's recipe, 448x448", mcan_small},
      {"mcan-large", "MCAN-large, likewise", mcan_large},
      {"dba-small", "MCAN-small with DBA, questions read by an ALBERT; for grid features", dba_small},
      {"few-pictures", "small DBA model for a few hundred pictures of one's own, from nothing, 64x64", few_pictures},
      {"language", "an LSTM that answers from the question alone", language},
  };
  return all;
}

Config preset(const std::string& name) { return data::find_named("preset", name, presets()).make(); }

}  // namespace vqa
