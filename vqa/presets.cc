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

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      {"shapes", "small DBA model with a small ResNet trained from pixels, 64x64", shapes},
      {"mcan-small", "MCAN-small with softmax attention and openvqa's recipe, 448x448", mcan_small},
  };
  return all;
}

Config preset(const std::string& name) { return data::find_named("preset", name, presets()).make(); }

}  // namespace vqa
