// A small ALBERT and questions for it.
#pragma once

#include <torch/torch.h>

#include "data/weights.h"
#include "text/albert_encoder.h"

/// Two sets of weights of two layers each, for three layers.
inline text::AlbertOptions small_albert_options() {
  text::AlbertOptions options;
  options.vocabulary_size = 50;
  options.embedding_dim = 8;
  options.dim = 24;
  options.layers = 3;
  options.groups = 2;
  options.inner_layers = 2;
  options.heads = 2;
  options.feed_forward = 40;
  options.positions = 20;
  return options;
}

/// With numbers so large that every tensor matters.
inline text::AlbertEncoder small_albert(const text::AlbertOptions& options = small_albert_options()) {
  torch::manual_seed(5);
  text::AlbertEncoder encoder(options);
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : encoder->parameters()) parameter.add_(torch::randn_like(parameter), 0.3);
  return encoder;
}

struct SmallQuestions {
  torch::Tensor ids;      // (5, 11), padded with 0
  torch::Tensor lengths;  // (5)
};

inline SmallQuestions small_questions() {
  torch::manual_seed(6);
  SmallQuestions questions{torch::randint(1, 50, {5, 11}, torch::kInt64),
                           torch::tensor({3, 11, 1, 8, 9}, torch::kInt64)};
  questions.ids.masked_fill_(torch::arange(11) >= questions.lengths.unsqueeze(1), 0);
  return questions;
}
