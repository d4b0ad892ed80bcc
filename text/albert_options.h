// What an ALBERT is made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace text {

/// Defaults are ALBERT-base's (Lan et al. 2020, "ALBERT: A Lite BERT for Self-supervised Learning of Language
/// Representations"). Nothing is dropped out, as in the published version 2.
struct AlbertOptions {
  int64_t vocabulary_size = 30000;      // rows of the word embedding, at least 2; row 0 is padding
  int64_t embedding_dim = 128;          // width of the embeddings, at least 1
  int64_t dim = 768;                    // D, width of the layers, a multiple of heads
  int64_t layers = 12;                  // at least 1
  int64_t groups = 1;                   // layers are shared out among so many sets of weights, 1 to layers
  int64_t inner_layers = 1;             // that a set of weights holds, run one after another, at least 1
  int64_t heads = 12;                   // of attention, at least 1
  int64_t feed_forward = 3072;          // width between the two linear maps of a layer, at least 1
  int64_t positions = 512;              // tokens of the longest question, at least 1
  int64_t types = 2;                    // rows of the token type embedding, of which questions have the first
  std::string activation = "gelu_new";  // one of albert_activations()
  double layer_norm_eps = 1e-12;        // above 0

  /// Throws std::invalid_argument naming the field that is out of its range, with `prefix` before its name.
  void validate(const std::string& prefix = "") const;

  /// The set of weights that layer `layer` uses, as Hugging Face shares them out.
  int64_t group_of(int64_t layer) const;
};

/// By Hugging Face's names: gelu_new is the one by tanh, gelu the one by the error function.
std::vector<std::string> albert_activations();

}  // namespace text
