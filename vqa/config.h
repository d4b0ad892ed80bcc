// What a model is and how it is trained: every setting, declared once.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/answer_vocabulary.h"
#include "data/settings.h"
#include "text/albert_options.h"
#include "text/tokenizer.h"
#include "vision/augment_options.h"

namespace vqa {

/// What the network is and how pictures and questions reach it. Saved with a bundle; needed to answer. The defaults are
/// the preset shapes; what each setting may be stands with its name (config_fields.cc).
struct ModelConfig {
  // The encoder-decoder: MCAN (Yu et al. 2019, "Deep Modular Co-Attention Networks") over an attention kind.
  std::string attention = "dba";   // kind, of fusion::attention_kinds()
  std::string question_attention;  // kind of the question's self-attention; empty: attention
  std::string image_attention;     // kind of the image's self-attention; likewise
  std::string cross_attention;     // kind of the image's attention to the question; likewise
  int64_t dim = 96;                // D: width of the features of words and cells
  int64_t heads = 4;               // attention heads; divide dim, and d_in where a kind has one
  // Of one kind or another; fusion/attention.h tells more.
  int64_t d_p = 8;
  int64_t d_in = 24;
  int64_t linformer_k = 16;
  std::string linformer_sharing = "key-value";
  int64_t max_cells = 608;  // linformer: cells of the largest grid
  std::string kernel = "glu";
  int64_t kernel_depth = 1;
  int64_t encoder_layers = 2;           // on the question
  int64_t decoder_layers = 2;           // on the image
  int64_t share_layers = 1;             // consecutive layers that are one layer run so often
  int64_t feed_forward = 192;           // inner width of the feed-forward blocks
  std::string activation = "relu";      // inside them, of fusion::activations()
  std::string layer_norm = "standard";  // of fusion::layer_norm_forms()
  double dropout = 0;                   // probability, everywhere the same
  // Behind it: attentional pooling of each side, sum, norm, classifier (Yu et al. 2019, section 4).
  int64_t pool_dim = 96;    // hidden width of the pooling
  int64_t fused_dim = 192;  // width of the vector that the classifier reads
  // The question's side.
  std::string tokenizer = "words";             // kind, of text::tokenizer_kinds()
  int64_t max_tokens = 14;                     // longer questions are cut
  int64_t vocabulary_size = 8000;              // sentencepiece: pieces to aim at
  bool lower_case = true;                      // sentencepiece: capitals are small letters
  bool keep_accents = false;                   // sentencepiece: characters keep their accents
  std::string question_encoder = "lstm";       // of text::question_encoder_names()
  std::string question_precision = "float32";  // of a frozen ALBERT, of text::albert_precisions()
  bool freeze_question = false;                // its weights stay as they are
  int64_t word_dim = 96;                       // width of a token's embedding
  // ALBERT (Lan et al. 2020); text/albert_options.h tells more.
  int64_t question_dim = 96;                     // width of its layers
  int64_t question_layers = 2;                   // how often a layer is run
  int64_t question_groups = 1;                   // sets of weights that the layers share
  int64_t question_inner_layers = 1;             // layers in such a set
  int64_t question_heads = 4;                    // attention heads; divide question_dim
  int64_t question_feed_forward = 192;           // inner width of the feed-forward blocks
  std::string question_activation = "gelu_new";  // inside them, of text::albert_activations()
  int64_t question_positions = 64;               // tokens of the longest question that there is a position for
  int64_t question_types = 2;                    // token types, of which questions have the first
  double question_norm_eps = 1e-12;              // of its layer norms
  // The image's side.
  bool no_image = false;                   // none: the network answers from the question alone
  std::string backbone = "resnet-shapes";  // of vision::ResNetImpl::names()
  bool freeze_backbone = false;            // its weights and statistics stay as they are
  std::string image_rule = "torchvision";  // channels, figures and filter, of vision::image_rules()
  std::string image_size = "64";           // pixels, as vision::ImageSize reads it
  std::string grid_position = "sine";      // what tells cells where they lie, of fusion::grid_position_forms()
  // The answers.
  std::string loss = "binary";                       // what it learns by, and what logits mean, of losses()
  int64_t min_answer_count = data::kMinAnswerCount;  // questions in training that an answer needs to be kept

  /// Throws std::invalid_argument naming the first field that is wrong, its value and what is allowed.
  void validate() const;
};

/// Adam's numbers (Kingma and Ba 2015, algorithm 1), by default those of the Transformer (Vaswani et al. 2017, 5.3).
struct AdamOptions {
  double beta1 = 0.9;   // decay rate of the gradients' mean
  double beta2 = 0.98;  // decay rate of their squares' mean
  double eps = 1e-9;    // added to the root that divides a step
};

/// The recipe. Saved with a bundle as a record, and compared when a run is resumed.
struct TrainingConfig {
  std::string split = "train";    // to train on; several are joined by +
  std::string val_split = "val";  // to evaluate on after each epoch; empty for none
  int64_t epochs = 15;            // passes over the training questions
  int64_t batch_size = 128;       // questions
  double learning_rate = 5e-4;    // Adam's, before the schedule
  double question_lr_scale = 1;   // what that is multiplied by for the question encoder
  AdamOptions adam;
  std::string schedule = "linear";     // of the learning rate, of schedules()
  double warmup_epochs = 0.5;          // over which the rate rises
  double decay_share = 0.4;            // linear: last share of the run, over which the rate falls to 0
  std::string decay_epochs = "10,12";  // steps: epochs, from 0, that begin with a lower rate
  double decay_factor = 0.2;           // steps: what the rate is multiplied by there
  double kernel_penalty = 0;           // ffkernel: weight in the loss of its kernels' distance from orthogonal
  vision::AugmentOptions augment;      // of pictures; given grid features stay as they are
  double augment_words = 0;            // share of the words of a question that are read as unknown at random
  double gradient_clip = 1.0;          // largest norm of the gradient over all parameters; 0 for no limit
  int64_t seed = 1;                    // of weights, order and dropout
  int64_t log_every = 50;              // steps between lines of metrics.jsonl
  int64_t save_every = 0;              // steps between states saved within an epoch; 0 for none

  /// Throws std::invalid_argument naming the first field that is wrong, its value and what is allowed.
  void validate() const;
};

struct Config {
  ModelConfig model;
  TrainingConfig training;
};

/// One setting: its name on the command line, in configuration files and in a bundle's config.json, what it means,
/// where it stands and what it may be. All of help, parsing, checking, saving and printing go through this list.
struct Field {
  std::string name;
  std::string help;
  std::variant<std::string*, int64_t*, double*, bool*> value;
  std::optional<data::Range<double>> range = {};  // of a number; none where what is allowed depends on other settings
  std::vector<std::string> allowed = {};          // of a text: the names it may be; empty for any text

  /// Takes a value written as text. Throws std::invalid_argument naming the field.
  void parse(std::string_view text);
  std::string text() const;

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void check() const;

  /// Takes a JSON value of the field's own type. Throws std::invalid_argument naming the field.
  void read(const nlohmann::json& json);
  nlohmann::json to_json() const;
};

std::vector<Field> fields(ModelConfig& config);
std::vector<Field> fields(TrainingConfig& config);

/// Every field, the model's first.
std::vector<Field> fields(Config& config);

/// The settings of the tokenizer and of an ALBERT for a vocabulary of `words` tokens, as the text room wants them.
text::TokenizerOptions tokenizer_options(const ModelConfig& config);
text::AlbertOptions albert_options(const ModelConfig& config, int64_t words);

/// The inverse of albert_options: a question encoder of that kind and shape. The vocabulary's size is no setting.
void take_settings(const text::AlbertOptions& albert, ModelConfig& config);

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
