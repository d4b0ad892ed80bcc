// What a model is and how it is trained: every setting, declared once.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vqa {

/// What the network is and how pictures and questions reach it. Saved with a bundle; needed to answer.
struct ModelConfig {
  std::string attention = "dba";
  int64_t dim = 96;
  int64_t heads = 4;
  int64_t d_p = 8;
  int64_t d_in = 24;
  int64_t encoder_layers = 2;
  int64_t decoder_layers = 2;
  int64_t feed_forward = 192;
  std::string activation = "relu";
  std::string layer_norm = "standard";
  double dropout = 0;
  int64_t pool_dim = 96;
  int64_t fused_dim = 192;
  std::string grid_position = "sine";
  std::string tokenizer = "words";
  int64_t max_tokens = 14;
  int64_t vocabulary_size = 8000;
  std::string question_encoder = "lstm";
  int64_t word_dim = 96;
  std::string backbone = "resnet-shapes";
  bool freeze_backbone = false;
  std::string image_rule = "torchvision";
  std::string image_size = "64";
  int64_t min_answer_count = 9;

  /// Throws std::invalid_argument naming the first field that is wrong, its value and what is allowed.
  void validate() const;
};

/// The recipe. Saved with a bundle as a record, and compared when a run is resumed.
struct TrainingConfig {
  std::string split = "train";
  std::string val_split = "val";
  int64_t epochs = 15;
  int64_t batch_size = 128;
  double learning_rate = 5e-4;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double adam_eps = 1e-9;
  std::string schedule = "linear";
  double warmup_epochs = 0.5;
  double decay_share = 0.4;
  std::string decay_epochs = "10,12";
  double decay_factor = 0.2;
  double gradient_clip = 1.0;
  int64_t seed = 1;
  int64_t log_every = 50;
  int64_t save_every = 0;

  /// Throws std::invalid_argument naming the first field that is wrong, its value and what is allowed.
  void validate() const;
};

struct Config {
  ModelConfig model;
  TrainingConfig training;
};

/// One setting: its name on the command line, in configuration files and in a bundle's config.json, what it means, and
/// where it stands. All of help, parsing, saving and printing go through this list.
struct Field {
  std::string name;
  std::string help;
  std::variant<std::string*, int64_t*, double*, bool*> value;

  /// Takes a value written as text; three numbers are separated by commas. Throws std::invalid_argument naming the
  /// field.
  void parse(std::string_view text);
  std::string text() const;

  /// Takes a JSON value of the field's own type. Throws std::invalid_argument naming the field.
  void read(const nlohmann::json& json);
  nlohmann::json to_json() const;
};

std::vector<Field> fields(ModelConfig& config);
std::vector<Field> fields(TrainingConfig& config);

/// Every field, the model's first.
std::vector<Field> fields(Config& config);

/// {"model": {name: value}, "training": {name: value}}.
nlohmann::json to_json(const Config& config);

/// The inverse; fields that are absent keep their defaults. Throws std::invalid_argument for an unknown or wrong one.
Config config_from_json(const nlohmann::json& json);

/// Reads settings into `config`: `name = value` lines with # comments, or a JSON object of names (flat, or a bundle's
/// config.json). Throws std::runtime_error with path and line, or path and name.
void read_config_file(const std::string& path, Config& config);

/// Settings that belong together, by name.
struct Preset {
  std::string name;
  std::string help;
  Config (*make)();
};
const std::vector<Preset>& presets();

/// The settings of a preset. Throws std::invalid_argument that lists the presets.
Config preset(const std::string& name);

}  // namespace vqa
