#include "text/albert_weights.h"

namespace text {
namespace {

std::string layer_name(int64_t group, int64_t inner) {
  return "encoder.albert_layer_groups." + std::to_string(group) + ".albert_layers." + std::to_string(inner) + ".";
}

/// Collects tensors without memory.
class Listing {
 public:
  void put(const std::string& name, at::IntArrayRef sizes) {
    file.tensors[name] = torch::empty(sizes, torch::device(torch::kMeta));
  }
  void put_linear(const std::string& name, int64_t out, int64_t in) {
    put(name + ".weight", {out, in});
    put(name + ".bias", {out});
  }
  void put_norm(const std::string& name, int64_t dim) {
    put(name + ".weight", {dim});
    put(name + ".bias", {dim});
  }

  data::TensorFile file;
};

AlbertLayerWeights layer_weights(const data::TensorFile& tensors, const std::string& layer) {
  const auto at = [&](const std::string& name) { return tensors.at(layer + name); };
  const auto side_by_side = [&](const std::string& leaf) {
    return torch::cat({at("attention.query." + leaf), at("attention.key." + leaf), at("attention.value." + leaf)});
  };
  return {.projection = side_by_side("weight"),
          .projection_bias = side_by_side("bias"),
          .output = at("attention.dense.weight"),
          .output_bias = at("attention.dense.bias"),
          .attention_scale = at("attention.LayerNorm.weight"),
          .attention_shift = at("attention.LayerNorm.bias"),
          .inner = at("ffn.weight"),
          .inner_bias = at("ffn.bias"),
          .outer = at("ffn_output.weight"),
          .outer_bias = at("ffn_output.bias"),
          .feed_forward_scale = at("full_layer_layer_norm.weight"),
          .feed_forward_shift = at("full_layer_layer_norm.bias")};
}

}  // namespace

AlbertWeights::AlbertWeights(const data::TensorFile& tensors, const AlbertOptions& options)
    : words(tensors.at(kWordEmbeddings)),
      positions(tensors.at("embeddings.position_embeddings.weight")),
      types(tensors.at("embeddings.token_type_embeddings.weight")),
      embedding_scale(tensors.at("embeddings.LayerNorm.weight")),
      embedding_shift(tensors.at("embeddings.LayerNorm.bias")),
      widening(tensors.at("encoder.embedding_hidden_mapping_in.weight")),
      widening_bias(tensors.at("encoder.embedding_hidden_mapping_in.bias")) {
  for (int64_t group = 0; group < options.groups; ++group) {
    for (int64_t inner = 0; inner < options.inner_layers; ++inner)
      layers.push_back(layer_weights(tensors, layer_name(group, inner)));
  }
}

data::TensorFile albert_tensors(const AlbertOptions& options) {
  Listing listing;
  listing.put(kWordEmbeddings, {options.vocabulary_size, options.embedding_dim});
  listing.put("embeddings.position_embeddings.weight", {options.positions, options.embedding_dim});
  listing.put("embeddings.token_type_embeddings.weight", {options.types, options.embedding_dim});
  listing.put_norm("embeddings.LayerNorm", options.embedding_dim);
  listing.put_linear("encoder.embedding_hidden_mapping_in", options.dim, options.embedding_dim);
  for (int64_t group = 0; group < options.groups; ++group) {
    for (int64_t inner = 0; inner < options.inner_layers; ++inner) {
      const std::string layer = layer_name(group, inner);
      for (const char* map : {"query", "key", "value", "dense"})
        listing.put_linear(layer + "attention." + map, options.dim, options.dim);
      listing.put_norm(layer + "attention.LayerNorm", options.dim);
      listing.put_linear(layer + "ffn", options.feed_forward, options.dim);
      listing.put_linear(layer + "ffn_output", options.dim, options.feed_forward);
      listing.put_norm(layer + "full_layer_layer_norm", options.dim);
    }
  }
  return listing.file;
}

}  // namespace text
