#include "vqa/bundle.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/json_file.h"
#include "data/safetensors.h"
#include "vision/weights.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int64_t kFormat = 2;  // of the bundle; a reader refuses any other
constexpr const char* kConfigFile = "config.json";
constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kAnswersFile = "answers.txt";

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
struct Counts {
  int64_t grid_channels = 0, answers = 0, tokens = 0;
};

Config read_config(const fs::path& path, Counts& counts) {
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
    counts = {object.at("grid-channels").get<int64_t>(), object.at("answers").get<int64_t>(),
              object.at("tokens").get<int64_t>()};
    Config config = config_from_json(object);
    config.model.validate();
    return config;
  } catch (const json::exception&) {
    fail(path, "lacks a whole number 'grid-channels', 'answers' or 'tokens'");
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

}  // namespace

Bundle Bundle::load(const fs::path& folder, torch::Device device) {
  require_files(folder);
  Counts counts;
  Bundle bundle;
  bundle.config = read_config(folder / kConfigFile, counts);
  const ModelConfig& config = bundle.config.model;
  bundle.answers = data::AnswerVocabulary::load(folder / kAnswersFile);
  bundle.tokenizer =
      text::load_tokenizer(folder, text::TokenizerOptions{.kind = config.tokenizer, .max_tokens = config.max_tokens});
  require_count(folder / kAnswersFile, bundle.answers.size(), counts.answers);
  require_count(folder / text::tokenizer_file(config.tokenizer), bundle.tokenizer->vocabulary_size(), counts.tokens);
  try {
    bundle.model = Model(ModelOptions{
        .config = config, .words = counts.tokens, .answers = counts.answers, .grid_channels = counts.grid_channels});
  } catch (const c10::Error& error) {
    fail(folder / kConfigFile, "describes a model that cannot be made here; is a width wrong?");
  }
  load_model(folder / kWeightsFile, bundle);
  bundle.model->to(device);
  bundle.model->eval();
  return bundle;
}

bool Bundle::present(const fs::path& folder) { return fs::exists(folder / kConfigFile); }

bool Bundle::is_file(const std::string& name) {
  for (const std::string& kind : text::tokenizer_kinds()) {
    if (name == text::tokenizer_file(kind)) return true;
  }
  return name == kConfigFile || name == kWeightsFile || name == kAnswersFile;
}

void Bundle::write(const fs::path& folder) const {
  json object = to_json(config);
  object["format"] = kFormat;
  object["program"] = std::string("vqa ") + kVersion;
  object["grid-channels"] = model->options().grid_channels;
  object["answers"] = answers.size();
  object["tokens"] = tokenizer->vocabulary_size();
  data::write_file(folder / kConfigFile, object.dump(2) + "\n");
  answers.save(folder / kAnswersFile);
  tokenizer->save(folder);
  write_weights(folder);
}

void Bundle::write_weights(const fs::path& folder) const {
  data::TensorFile file = vision::network_tensors(*model);
  file.metadata = {{"epochs", std::to_string(record.epochs)},
                   {"steps", std::to_string(record.steps)},
                   {"accuracy", std::to_string(record.accuracy)}};
  data::write_safetensors(folder / kWeightsFile, file);
}

Bundle make_bundle(const Config& config, data::AnswerVocabulary answers,
                   std::shared_ptr<const text::Tokenizer> tokenizer) {
  torch::manual_seed(static_cast<uint64_t>(config.training.seed));
  Bundle bundle;
  bundle.config = config;
  bundle.model = Model(ModelOptions{
      .config = config.model, .words = tokenizer->vocabulary_size(), .answers = answers.size(), .grid_channels = 0});
  bundle.answers = std::move(answers);
  bundle.tokenizer = std::move(tokenizer);
  return bundle;
}

}  // namespace vqa
