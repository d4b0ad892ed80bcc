#include "text/albert_folder.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/json_file.h"
#include "data/printable.h"
#include "data/settings.h"
#include "data/weights.h"
#include "text/albert_weights.h"

namespace text {
namespace fs = std::filesystem;

namespace {

/// Settings of a JSON file, whose messages begin with its path.
class Settings {
 public:
  explicit Settings(const fs::path& path) : path_(path), json_(data::read_json(path)) {
    if (!json_.is_object()) fail("is no JSON object; use the folder's own file");
  }

  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(path_.string() + ": " + what); }

  /// As it stands in the file; `standard` where it is absent or null.
  template <class Value>
  Value get(const char* key, const Value& standard) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return standard;
    if (!fits(*found, standard)) {
      fail(std::string(key) + " is " + data::printable(found->dump(-1, ' ', true)) + ", no " + kind(standard) +
           "; use the folder's own file");
    }
    return found->get<Value>();
  }

 private:
  static bool fits(const nlohmann::json& value, const std::string&) { return value.is_string(); }
  static bool fits(const nlohmann::json& value, bool) { return value.is_boolean(); }
  static bool fits(const nlohmann::json& value, int64_t) { return value.is_number_integer(); }
  static bool fits(const nlohmann::json& value, double) { return value.is_number(); }
  static std::string kind(const std::string&) { return "text"; }
  static std::string kind(bool) { return "true or false"; }
  static std::string kind(int64_t) { return "whole number"; }
  static std::string kind(double) { return "number"; }

  fs::path path_;
  nlohmann::json json_;
};

/// Throws unless the setting is what is supported.
void require(const Settings& settings, const char* key, const std::string& found, const std::string& supported) {
  if (found != supported)
    settings.fail(std::string(key) + " is '" + data::printable(found) + "'; only '" + supported + "' is supported");
}

AlbertOptions read_options(const fs::path& path) {
  const Settings config(path);
  require(config, "model_type", config.get<std::string>("model_type", ""), "albert");
  require(config, "position_embedding_type", config.get<std::string>("position_embedding_type", "absolute"),
          "absolute");
  AlbertOptions options;  // below, the defaults of Hugging Face's AlbertConfig, which are ALBERT-xxlarge's
  options.vocabulary_size = config.get<int64_t>("vocab_size", 30000);
  options.embedding_dim = config.get<int64_t>("embedding_size", 128);
  options.dim = config.get<int64_t>("hidden_size", 4096);
  options.layers = config.get<int64_t>("num_hidden_layers", 12);
  options.groups = config.get<int64_t>("num_hidden_groups", 1);
  options.inner_layers = config.get<int64_t>("inner_group_num", 1);
  options.heads = config.get<int64_t>("num_attention_heads", 64);
  options.feed_forward = config.get<int64_t>("intermediate_size", 16384);
  options.positions = config.get<int64_t>("max_position_embeddings", 512);
  options.types = config.get<int64_t>("type_vocab_size", 2);
  options.activation = config.get<std::string>("hidden_act", "gelu_new");
  options.layer_norm_eps = config.get<double>("layer_norm_eps", 1e-12);
  try {
    data::check_name("hidden_act", options.activation, albert_activations());
    options.validate();
  } catch (const std::invalid_argument& error) {
    config.fail(data::printable(error.what()));
  }
  return options;
}

void read_tokenizer_settings(const fs::path& path, AlbertFolder& folder) {
  if (!fs::exists(path)) return;
  const Settings settings(path);
  folder.lower_case = settings.get("do_lower_case", true);
  folder.keep_accents = settings.get("keep_accents", false);
  if (!settings.get("remove_space", true)) settings.fail("remove_space is false; only true is supported");
}

fs::path find_weights(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    if (fs::exists(folder / name)) return folder / name;
  }
  throw std::runtime_error(folder.string() +
                           ": holds neither model.safetensors nor pytorch_model.bin; download one of them too");
}

data::TensorFile read_weights(const fs::path& path, const AlbertOptions& options) {
  const data::TensorFile wanted = albert_tensors(options);
  data::TensorFile file = data::read_tensors(path);
  const data::LoadReport report = data::match_tensors(wanted, file, {.file = path.string()});
  if (!report.missing.empty()) {
    throw std::runtime_error(path.string() + ": lacks '" + report.missing.front() + "' and in all " +
                             std::to_string(report.missing.size()) + " of the " +
                             std::to_string(wanted.tensors.size()) +
                             " tensors that its config.json calls for; use the weights that belong to it");
  }
  for (const std::string& name : report.unexpected) {
    if (!name.starts_with("encoder.")) continue;
    throw std::runtime_error(path.string() + ": holds '" + data::printable(name) +
                             "', which its config.json does not call for; use the weights that belong to it");
  }
  data::TensorFile own;
  for (const auto& [name, tensor] : wanted.tensors) own.tensors[name] = file.at(report.prefix + name);
  data::require_finite(own, path.string());
  return own;
}

}  // namespace

data::TensorFile AlbertFolder::tensors_for(int64_t pieces) const {
  data::TensorFile cut = tensors;
  torch::Tensor& words = cut.tensors.at(kWordEmbeddings);  // (vocabulary, E)
  words = words.narrow(0, 0, pieces);
  return cut;
}

AlbertFolder read_albert_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    throw std::runtime_error(folder.string() + ": is no folder; give one with config.json, the weights and " +
                             "spiece.model, as it is downloaded from Hugging Face");
  }
  AlbertFolder read;
  read.options = read_options(folder / "config.json");
  read_tokenizer_settings(folder / "tokenizer_config.json", read);
  read.spiece = folder / "spiece.model";
  if (!fs::is_regular_file(read.spiece)) {
    throw std::runtime_error(read.spiece.string() + ": is not there; copy the SentencePiece model here that the " +
                             "checkpoint was trained with (a tokenizer.json does not do)");
  }
  read.weights = find_weights(folder);
  read.tensors = read_weights(read.weights, read.options);
  return read;
}

}  // namespace text
