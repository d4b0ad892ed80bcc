// An ALBERT's tensors: their names and shapes, and the same by what they are for.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "data/tensor_file.h"
#include "text/albert_options.h"

namespace text {

inline constexpr const char* kWordEmbeddings = "embeddings.word_embeddings.weight";

/// Letters: D width of the layers, E of the embeddings, F between a layer's linear maps.
struct AlbertLayerWeights {
  torch::Tensor projection, projection_bias;             // (3D, D), (3D): queries, keys and values in one
  torch::Tensor output, output_bias;                     // (D, D), (D)
  torch::Tensor attention_scale, attention_shift;        // (D), (D): of the layer norm after attention
  torch::Tensor inner, inner_bias;                       // (F, D), (F)
  torch::Tensor outer, outer_bias;                       // (D, F), (D)
  torch::Tensor feed_forward_scale, feed_forward_shift;  // (D), (D)
};

struct AlbertWeights {
  torch::Tensor words, positions, types;           // (vocabulary, E), (positions, E), (types, E)
  torch::Tensor embedding_scale, embedding_shift;  // (E), (E)
  torch::Tensor widening, widening_bias;           // (D, E), (D)
  std::vector<AlbertLayerWeights> layers;          // groups * inner_layers, those of a group side by side

  /// The weights of inner layer `inner` in layer `layer` of a network with these options.
  const AlbertLayerWeights& of_layer(int64_t layer, int64_t inner, const AlbertOptions& options) const {
    return layers[static_cast<size_t>(options.group_of(layer) * options.inner_layers + inner)];
  }

  /// From tensors by albert_tensors()'s names. Gradients find their way back to them.
  AlbertWeights(const data::TensorFile& tensors, const AlbertOptions& options);
};

/// Every tensor by Hugging Face's name, without the pooler: tensors on LibTorch's device without memory (meta).
data::TensorFile albert_tensors(const AlbertOptions& options);

}  // namespace text
