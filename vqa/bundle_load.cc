// Reading of a bundle's folder.
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/json_file.h"
#include "data/printable.h"
#include "data/safetensors.h"
#include "data/skip_init.h"
#include "data/weights.h"
#include "vision/backbone_file.h"
#include "vision/frozen_backbone.h"
#include "vqa/bundle.h"
#include "vqa/bundle_files.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;
using namespace bundle_files;
using nlohmann::json;

namespace {

constexpr std::string_view kBackbonePrefix = "backbone.";  // of its tensors in the weights' file

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

/// Throws where the weights' file does not hold exactly the wanted tensors, or numbers that are none.
void check_weights(const fs::path& path, const data::TensorFile& file, const data::TensorFile& wanted) {
  const data::LoadReport report = data::match_tensors(wanted, file, {.file = path.string(), .prefix = ""});
  for (const auto& [names, what] : {std::pair{report.missing, "lacks"}, {report.unexpected, "holds the unknown"}}) {
    if (!names.empty()) {
      fail(path, std::string(what) + " tensor '" + data::printable(names.front()) + "' (" +
                     std::to_string(names.size()) + " such); it does not belong to the folder's config.json");
    }
  }
  data::require_finite(file, path.string());
}

/// Moves the backbone's tensors out of a model's file.
data::TensorFile take_backbone(data::TensorFile& file) {
  data::TensorFile backbone;
  for (auto at = file.tensors.lower_bound(std::string(kBackbonePrefix));
       at != file.tensors.end() && at->first.starts_with(kBackbonePrefix);) {
    auto taken = file.tensors.extract(at++);
    taken.key().erase(0, kBackbonePrefix.size());
    backbone.tensors.insert(std::move(taken));
  }
  return backbone;
}

/// All but the weights.
Bundle read_description(const fs::path& folder, Facts& facts) {
  require_files(folder);
  Bundle bundle;
  bundle.config = read_config(folder / kConfigFile, facts);
  bundle.grids = facts.grids;
  const ModelConfig& config = bundle.config.model;
  bundle.answers = data::AnswerVocabulary::load(folder / kAnswersFile);
  bundle.tokenizer = text::load_tokenizer(folder, tokenizer_options(config));
  require_count(folder / kAnswersFile, bundle.answers.size(), facts.answers);
  require_count(folder / text::tokenizer_file(config.tokenizer), bundle.tokenizer->vocabulary_size(), facts.tokens);
  if (fs::exists(folder / kBackboneFile)) {
    bundle.backbone_weights = folder / kBackboneFile;
    bundle.keeps_backbone = true;
  }
  return bundle;
}

/// `grid_channels`: 0 for a model with a backbone of its own.
Model make_model(const fs::path& folder, const Config& config, const Facts& facts, int64_t grid_channels) {
  const data::SkipInit undefined;
  try {
    return Model(ModelOptions{
        .config = config.model, .words = facts.tokens, .answers = facts.answers, .grid_channels = grid_channels});
  } catch (const c10::Error& error) {
    fail(folder / kConfigFile, "describes a model that cannot be made here; is a width wrong?");
  }
}

Bundle load_bundle(const fs::path& folder, const SightOptions& options, bool for_inference) {
  Facts facts;
  Bundle bundle = read_description(folder, facts);
  const std::string& backbone = bundle.config.model.backbone;
  const vision::ResNetShape shape = vision::resnet_shape(backbone);
  const bool sees_beside = for_inference && facts.grid_channels == 0 && !bundle.config.model.no_image;
  bundle.model = make_model(folder, bundle.config, facts, sees_beside ? shape.channels : facts.grid_channels);
  data::TensorFile wanted = data::network_tensors(*bundle.model);
  if (sees_beside) {
    for (const auto& [name, tensor] : vision::backbone_tensors(shape).tensors)
      wanted.tensors[std::string(kBackbonePrefix) + name] = tensor;
  }
  const fs::path path = folder / kWeightsFile;
  const auto mapping = std::make_shared<data::FileMapping>(path);
  check_weights(path, data::read_safetensors(mapping), wanted);  // what this brings into memory goes with it
  data::TensorFile file = data::read_safetensors(mapping);
  bundle.record = read_record(path, file);
  if (sees_beside) {
    bundle.model->see_by(std::make_shared<vision::FrozenBackbone>(
        backbone, take_backbone(file),
        vision::FrozenBackboneOptions{.device = options.device, .runs_once = options.one_picture}));
  }
  data::load_weights(*bundle.model, file, {.file = path.string(), .adopt = for_inference, .prefix = ""});
  bundle.model->to(options.device);
  bundle.model->eval();
  return bundle;
}

}  // namespace

Bundle Bundle::load(const fs::path& folder, torch::Device device) {
  return load_bundle(folder, {.device = device}, false);
}

Bundle Bundle::load_for_inference(const fs::path& folder, const SightOptions& options) {
  return load_bundle(folder, options, true);
}

}  // namespace vqa
