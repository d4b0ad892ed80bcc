#include "tests/golden/golden_text.h"

#include <nlohmann/json.hpp>

#include "data/json_file.h"
#include "data/safetensors.h"
#include "tests/golden/fill.h"
#include "text/albert_encoder.h"

namespace golden {
namespace {

text::AlbertOptions read_options(const std::filesystem::path& path) {
  const nlohmann::json config = data::read_json(path);
  text::AlbertOptions options;
  options.vocabulary_size = config.at("vocab_size");
  options.embedding_dim = config.at("embedding_size");
  options.dim = config.at("hidden_size");
  options.layers = config.at("num_hidden_layers");
  options.groups = config.at("num_hidden_groups");
  options.inner_layers = config.at("inner_group_num");
  options.heads = config.at("num_attention_heads");
  options.feed_forward = config.at("intermediate_size");
  options.positions = config.at("max_position_embeddings");
  options.types = config.at("type_vocab_size");
  options.activation = config.at("hidden_act");
  options.layer_norm_eps = config.at("layer_norm_eps");
  return options;
}

}  // namespace

std::vector<Comparison> albert(const std::filesystem::path& folder, uint32_t salt, const std::string& tag) {
  const std::string name = "albert_" + tag;
  const data::TensorFile file = data::read_safetensors(folder / (name + ".safetensors"));
  const torch::Tensor &ids = file.at("ids"), &expected = file.at("last_hidden_state");
  const torch::Tensor lengths = file.at("attention_mask").sum(1);
  text::AlbertEncoder encoder(read_options(folder / (name + ".json")));
  fill_module(*encoder, salt);
  std::vector<Comparison> comparisons{{"recorded", relative_error(encoder->forward(ids, lengths).detach(), expected)}};
  const torch::NoGradGuard no_grad;
  comparisons.push_back({"inference", relative_error(encoder->forward(ids, lengths), expected)});
  return comparisons;
}

}  // namespace golden
