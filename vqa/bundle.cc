#include "vqa/bundle.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "data/atomic_file.h"
#include "data/safetensors.h"
#include "data/sha256.h"
#include "data/weights.h"
#include "vision/backbone_file.h"
#include "vision/frozen_backbone.h"
#include "vqa/bundle_files.h"
#include "vqa/grid_maker.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;
using namespace bundle_files;
using nlohmann::json;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

json to_json(const data::GridProvenance& grids) {
  json object = json::object();
  for (const data::ProvenanceField& field : data::kProvenanceFields) object[field.name] = grids.*field.value;
  return object;
}

/// Throws where features of the two would not be alike.
void require_alike(const data::NamedProvenance& one, const data::NamedProvenance& other,
                   const std::string& advice = "") {
  const std::string difference = data::provenance_mismatch(one, other);
  if (!difference.empty()) throw std::runtime_error(difference + advice);
}

/// The weights have to be those that `made` was made with. Reads the whole file.
void require_maker(const fs::path& weights, const data::NamedProvenance& made) {
  data::GridProvenance given = made.provenance;
  given.weights_sha256 = data::sha256_of_file(weights);
  require_alike({weights.string(), given}, made);
}

/// Throws where a grid of the store is larger than the attention of cells to cells is built for.
void require_room(const ModelConfig& config, const data::GridStore& store) {
  const fusion::McanOptions options = mcan_options(config);
  const std::string kind = options.image_block().kind;
  if (options.decoder_layers == 0 || !fusion::attention_kind(kind).has_length ||
      store.largest_grid() <= config.max_cells)
    return;
  const std::string largest = std::to_string(store.largest_grid());
  fail(store.path(), "has a grid of " + largest + " cells, the model's " + kind + " attention is built for at most " +
                         std::to_string(config.max_cells) + "; train with --max-cells " + largest);
}

/// All files but those of weights.
void write_description(const Bundle& bundle, const fs::path& folder) {
  json object = to_json(bundle.config);
  object["format"] = kFormat;
  object["program"] = std::string("vqa ") + kVersion;
  object["grid-channels"] = bundle.model->options().grid_channels;
  object["answers"] = bundle.answers.size();
  object["tokens"] = bundle.tokenizer->vocabulary_size();
  object[kGrids] = to_json(bundle.grids);
  data::write_file(folder / kConfigFile, object.dump(2) + "\n");
  bundle.answers.save(folder / kAnswersFile);
  bundle.tokenizer->save(folder);
}

}  // namespace

std::map<std::string, std::string> metadata(const TrainingRecord& record) {
  return {{"epochs", std::to_string(record.epochs)},
          {"steps", std::to_string(record.steps)},
          {"accuracy", std::to_string(record.accuracy)}};
}

void Bundle::give_sight(const fs::path& weights, const SightOptions& options) {
  if (model->blind()) {
    if (!weights.empty()) fail(weights, "is not needed: the model sees no pictures; leave out --weights");
    return;
  }
  if (model->sees_pictures()) {
    if (!weights.empty()) fail(weights, "is not needed: the model has a backbone of its own; leave out --weights");
    return;
  }
  if (grids.backbone.empty()) {
    throw std::runtime_error(
        "the model was trained elsewhere on grid features, and nobody knows by which backbone; give a store of them by "
        "--features, or import it anew with --features and --weights");
  }
  const fs::path& file = weights.empty() ? backbone_weights : weights;
  if (file.empty()) {
    throw std::runtime_error(
        "the model was trained on grid features and holds no backbone to see pictures with; give the weights that made "
        "the features by --weights");
  }
  if (!weights.empty()) require_maker(weights, {"the model's features", grids});
  const int64_t channels = vision::resnet_shape(config.model.backbone).channels;
  if (channels != model->grid_channels()) {
    throw std::runtime_error("config.json: the model takes " + std::to_string(model->grid_channels()) +
                             " channels, its backbone " + config.model.backbone + " gives " + std::to_string(channels) +
                             "; it is damaged");
  }
  model->see_by(std::make_shared<vision::FrozenBackbone>(
      config.model.backbone, vision::read_backbone(config.model.backbone, file),
      vision::FrozenBackboneOptions{
          .precision = grids.precision, .device = options.device, .runs_once = options.one_picture}));
}

bool Bundle::present(const fs::path& folder) noexcept {
  std::error_code ignored;
  return fs::exists(folder / kConfigFile, ignored);
}

bool Bundle::is_file(const std::string& name) {
  for (const std::string& kind : text::tokenizer_kinds()) {
    if (name == text::tokenizer_file(kind)) return true;
  }
  return name == kConfigFile || name == kWeightsFile || name == kAnswersFile || name == kBackboneFile;
}

void Bundle::write(const fs::path& folder) const {
  write_description(*this, folder);
  if (!backbone_weights.empty() && !fs::exists(folder / kBackboneFile)) {
    std::error_code unlinked;
    if (keeps_backbone) fs::create_hard_link(backbone_weights, folder / kBackboneFile, unlinked);
    if (!keeps_backbone || unlinked) data::copy_file(backbone_weights, folder / kBackboneFile);
  }
  data::TensorFile file = data::network_tensors(*model);
  file.metadata = metadata(record);
  data::write_safetensors(folder / kWeightsFile, file);
}

void Bundle::keep_backbone_in(const fs::path& folder) {
  if (backbone_weights.empty() || keeps_backbone) return;
  const fs::path from = std::exchange(backbone_weights, folder / kBackboneFile);
  data::copy_file(from, backbone_weights);
  keeps_backbone = true;
  if (data::sha256_of_file(backbone_weights) != grids.weights_sha256)
    fail(from, "was changed while it was copied; start again");
}

void take_settings(const data::GridProvenance& grids, ModelConfig& config) {
  config.backbone = grids.backbone;
  config.image_rule = grids.image_rule;
  config.image_size = grids.image_size;
  config.freeze_backbone = true;
}

void require_same_grids(const Bundle& bundle, const data::GridStore& store, bool force) {
  const std::string path = store.path().string();
  const bool known = !bundle.grids.backbone.empty();
  if (!known && (bundle.model->blind() || bundle.model->sees_pictures())) {
    throw std::runtime_error(path + ": the model " +
                             (bundle.model->blind()
                                  ? "answers from the question alone"
                                  : "was trained from pixels and sees pictures with a backbone of its own") +
                             "; leave out --features");
  }
  if (known && !force)
    require_alike({path, store.provenance()}, {"the model", bundle.grids}, "; --force uses it all the same");
  const int64_t channels = bundle.model->grid_channels();
  if (store.channels() != channels) {
    fail(store.path(),
         "has " + std::to_string(store.channels()) + " channels, the model takes " + std::to_string(channels));
  }
}

Bundle make_bundle(const Config& config, data::AnswerVocabulary answers,
                   std::shared_ptr<const text::Tokenizer> tokenizer, const FeatureOptions& features) {
  torch::manual_seed(static_cast<uint64_t>(config.training.seed));
  Bundle bundle;
  bundle.config = config;
  ModelConfig& c = bundle.config.model;
  if (features.store != nullptr) {
    take_settings(features.store->provenance(), c);
    require_room(c, *features.store);
  }
  bundle.model = Model(ModelOptions{.config = c,
                                    .words = tokenizer->vocabulary_size(),
                                    .answers = answers.size(),
                                    .grid_channels = features.store ? features.store->channels() : features.channels});
  if (features.store != nullptr) {
    bundle.grids = features.store->provenance();
    if (!features.weights.empty()) require_maker(features.weights, {features.store->path().string(), bundle.grids});
    bundle.backbone_weights = features.weights;
  } else if (!features.weights.empty()) {
    data::load_weights(*bundle.model->backbone(), vision::read_backbone(c.backbone, features.weights), {.prefix = ""});
    if (c.freeze_backbone) bundle.grids = grid_provenance({c.backbone, features.weights, transform_options(c)});
  }
  bundle.answers = std::move(answers);
  bundle.tokenizer = std::move(tokenizer);
  return bundle;
}

}  // namespace vqa
