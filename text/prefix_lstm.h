// An LSTM over questions that begin alike.
#pragma once

#include <torch/torch.h>

#include "text/prefix_trie.h"

namespace text {

/// Letters: N nodes of a trie, W different words, D state width, Q questions, T tokens of the longest.
struct PrefixLstmWeights {
  torch::Tensor input;        // (4D, word_dim)
  torch::Tensor hidden;       // (4D, D)
  torch::Tensor input_bias;   // (4D)
  torch::Tensor hidden_bias;  // (4D)
};

/// The states of one LSTM layer (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) after each
/// token of each question: what torch::nn::LSTM gives with these weights, gates in its order i, f, g, o, in outputs and
/// gradients. A beginning that several questions share is computed once, forward and backward, a word's projection
/// once for all its places, and padding never.
///
/// `words` (W, word_dim): the features of `trie.words` -> (Q, T, D), zero past a question's length.
torch::Tensor prefix_lstm(const PrefixTrie& trie, const torch::Tensor& words, const PrefixLstmWeights& weights);

}  // namespace text
