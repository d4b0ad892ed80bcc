#include "vqa/bundle.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/json_file.h"
#include "data/safetensors.h"
#include "data/sha256.h"
#include "vision/weights.h"
#include "vqa/grid_maker.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kFormat = 2;  // of the bundle; a reader refuses any other
constexpr const char* kConfigFile = "config.json";
constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kAnswersFile = "answers.txt";
constexpr const char* kBackboneFile = "backbone.weights";
constexpr const char* kGrids = "grid-features";  // in config.json: their provenance, field by field

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

void require_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail(folder, "is not a model's folder; vqa train makes one");
  for (const char* file : {kConfigFile, kAnswersFile, kWeightsFile}) {
    if (!fs::exists(folder / file)) fail(folder, std::string("lacks ") + file + "; it is no complete model");
  }
}

/// What config.json says besides the settings.
struct Facts {
  int64_t grid_channels = 0, answers = 0, tokens = 0;
  data::GridProvenance grids;
};

json to_json(const data::GridProvenance& grids) {
  json object = json::object();
  for (const data::ProvenanceField& field : data::kProvenanceFields) object[field.name] = grids.*field.value;
  return object;
}

data::GridProvenance grids_from_json(const json& object) {
  data::GridProvenance grids;
  for (const data::ProvenanceField& field : data::kProvenanceFields) grids.*field.value = object.at(field.name);
  return grids;
}

Config read_config(const fs::path& path, Facts& facts) {
  const json object = data::read_json(path);
  if (!object.is_object() || !object.contains("format") || !object["format"].is_number_integer()) {
    fail(path, "lacks 'format'; it is not the configuration of a model");
  }
  const auto format = object["format"].get<int64_t>();
  if (format != kFormat) {
    fail(path, "has format " + std::to_string(format) + ", this program (" + kVersion + ") knows format " +
                   std::to_string(kFormat) + "; use the program that wrote it");
  }
  try {
    facts = {object.at("grid-channels").get<int64_t>(), object.at("answers").get<int64_t>(),
             object.at("tokens").get<int64_t>(), grids_from_json(object.at(kGrids))};
    Config config = config_from_json(object);
    config.model.validate();
    return config;
  } catch (const json::exception&) {
    fail(path, "lacks a whole number 'grid-channels', 'answers' or 'tokens', or what it says of '" +
                   std::string(kGrids) + "' is incomplete");
  } catch (const std::invalid_argument& error) {
    fail(path, error.what());
  }
}

TrainingRecord read_record(const fs::path& path, const data::TensorFile& file) {
  const auto number = [&](const char* key) {
    const auto found = file.metadata.find(key);
    try {
      return found == file.metadata.end() ? throw std::invalid_argument(key) : std::stod(found->second);
    } catch (const std::exception&) {
      fail(path, std::string("lacks the metadata '") + key + "'");
    }
  };
  return {static_cast<int64_t>(number("epochs")), static_cast<int64_t>(number("steps")), number("accuracy")};
}

void require_count(const fs::path& path, int64_t found, int64_t expected) {
  if (found == expected) return;
  fail(path, "holds " + std::to_string(found) + " entries, config.json says " + std::to_string(expected) +
                 "; it is truncated or of another model");
}

void load_model(const fs::path& path, Bundle& bundle) {
  const data::TensorFile file = data::read_safetensors(path);
  const vision::LoadReport report = vision::load_weights(*bundle.model, file, {.file = path.string(), .prefix = ""});
  for (const auto& [names, what] : {std::pair{report.missing, "lacks"}, {report.unexpected, "holds the unknown"}}) {
    if (!names.empty()) {
      fail(path, std::string(what) + " tensor '" + names.front() + "' (" + std::to_string(names.size()) +
                     " such); it does not belong to the folder's config.json");
    }
  }
  for (const auto& [name, tensor] : file.tensors) {
    if (tensor.is_floating_point() && !torch::isfinite(tensor).all().item<bool>()) {
      fail(path, "tensor '" + name + "' holds numbers that are not finite; it is damaged");
    }
  }
  bundle.record = read_record(path, file);
}

/// A model of given features has the settings that they were made with.
void take_settings(const data::GridProvenance& grids, ModelConfig& config) {
  config.backbone = grids.backbone;
  config.image_rule = grids.image_rule;
  config.image_size = grids.image_size;
  config.freeze_backbone = true;
}

/// The weights have to be those that the store was made with.
void require_maker(const fs::path& weights, const data::GridStore& store) {
  data::GridProvenance given = store.provenance();
  given.weights_sha256 = data::sha256_of_file(weights);
  const std::string difference =
      data::provenance_mismatch({store.path().string(), store.provenance()}, {weights.string(), given});
  if (!difference.empty()) throw std::runtime_error(difference);
}

}  // namespace

Bundle Bundle::load(const fs::path& folder, torch::Device device) {
  require_files(folder);
  Facts facts;
  Bundle bundle;
  bundle.config = read_config(folder / kConfigFile, facts);
  bundle.grids = facts.grids;
  const ModelConfig& config = bundle.config.model;
  bundle.answers = data::AnswerVocabulary::load(folder / kAnswersFile);
  bundle.tokenizer =
      text::load_tokenizer(folder, text::TokenizerOptions{.kind = config.tokenizer, .max_tokens = config.max_tokens});
  require_count(folder / kAnswersFile, bundle.answers.size(), facts.answers);
  require_count(folder / text::tokenizer_file(config.tokenizer), bundle.tokenizer->vocabulary_size(), facts.tokens);
  try {
    bundle.model = Model(ModelOptions{
        .config = config, .words = facts.tokens, .answers = facts.answers, .grid_channels = facts.grid_channels});
  } catch (const c10::Error& error) {
    fail(folder / kConfigFile, "describes a model that cannot be made here; is a width wrong?");
  }
  load_model(folder / kWeightsFile, bundle);
  bundle.model->to(device);
  bundle.model->eval();
  if (fs::exists(folder / kBackboneFile)) bundle.backbone_weights = folder / kBackboneFile;
  return bundle;
}

void Bundle::give_sight(const fs::path& weights, torch::Device device) {
  if (model->sees_pictures()) return;
  const fs::path& file = weights.empty() ? backbone_weights : weights;
  if (file.empty()) {
    throw std::runtime_error(
        "the model was trained on grid features and holds no backbone to see pictures with; give the weights that made "
        "the features by --weights");
  }
  auto maker = std::make_shared<GridMaker>(GridMakerOptions{.backbone = config.model.backbone,
                                                            .weights = file,
                                                            .image = transform_options(config.model),
                                                            .precision = grids.precision,
                                                            .device = device});
  const std::string difference =
      data::provenance_mismatch({file.string(), maker->provenance()}, {"the model's features", grids});
  if (!difference.empty()) throw std::runtime_error(difference);
  model->see_by(std::move(maker));
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
  json object = to_json(config);
  object["format"] = kFormat;
  object["program"] = std::string("vqa ") + kVersion;
  object["grid-channels"] = model->options().grid_channels;
  object["answers"] = answers.size();
  object["tokens"] = tokenizer->vocabulary_size();
  object[kGrids] = to_json(grids);
  data::write_file(folder / kConfigFile, object.dump(2) + "\n");
  answers.save(folder / kAnswersFile);
  tokenizer->save(folder);
  if (!backbone_weights.empty() && !fs::exists(folder / kBackboneFile)) {
    data::copy_file(backbone_weights, folder / kBackboneFile);
  }
  write_weights(folder);
}

void Bundle::write_weights(const fs::path& folder) const {
  data::TensorFile file = vision::network_tensors(*model);
  file.metadata = {{"epochs", std::to_string(record.epochs)},
                   {"steps", std::to_string(record.steps)},
                   {"accuracy", std::to_string(record.accuracy)}};
  data::write_safetensors(folder / kWeightsFile, file);
}

void require_same_grids(const Bundle& bundle, const data::GridStore& store, bool force) {
  const std::string path = store.path().string();
  if (bundle.grids.backbone.empty()) {
    throw std::runtime_error(path +
                             ": the model was trained from pixels and sees pictures with a backbone of its own; " +
                             "leave out --features");
  }
  const std::string difference = data::provenance_mismatch({path, store.provenance()}, {"the model", bundle.grids});
  if (!difference.empty() && !force) throw std::runtime_error(difference + "; --force uses it all the same");
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
  if (features.store != nullptr) take_settings(features.store->provenance(), c);
  bundle.model = Model(ModelOptions{.config = c,
                                    .words = tokenizer->vocabulary_size(),
                                    .answers = answers.size(),
                                    .grid_channels = features.store != nullptr ? features.store->channels() : 0});
  if (features.store != nullptr) {
    bundle.grids = features.store->provenance();
    if (!features.weights.empty()) require_maker(features.weights, *features.store);
    bundle.backbone_weights = features.weights;
  } else if (!features.weights.empty()) {
    vision::ResNet backbone = bundle.model->backbone();
    load_backbone(backbone, c.backbone, features.weights);
    if (c.freeze_backbone) bundle.grids = grid_provenance({c.backbone, features.weights, transform_options(c)});
  }
  bundle.answers = std::move(answers);
  bundle.tokenizer = std::move(tokenizer);
  return bundle;
}

}  // namespace vqa
