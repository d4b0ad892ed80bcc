// Words to question features by an LSTM.
#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "text/question_encoder.h"

namespace text {

struct LstmEncoderOptions {
  int64_t vocabulary_size = 0;  // rows of the embedding: the tokenizer's vocabulary_size(), at least 2
  int64_t word_dim = 300;       // width of a word's embedding
  int64_t dim = 512;            // D, width of the LSTM's state
};

/// A word embedding (`embedding`) and one LSTM layer (`lstm`), as in openvqa's MCAN; computed as prefix_lstm does.
class LstmEncoderImpl : public QuestionEncoderImpl {
 public:
  /// Throws std::invalid_argument naming the field that is out of its range.
  explicit LstmEncoderImpl(const LstmEncoderOptions& options);

  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& lengths) override;
  int64_t dim() const override { return options_.dim; }

  /// A row per token: where given word vectors go.
  const torch::nn::Embedding& embedding() const { return embedding_; }

 private:
  LstmEncoderOptions options_;
  torch::nn::Embedding embedding_{nullptr};
  torch::nn::LSTM lstm_{nullptr};  // holds the weights
};
TORCH_MODULE(LstmEncoder);

}  // namespace text
