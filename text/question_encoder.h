// Token ids to question features.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace text {

/// Letters: Q questions, T tokens of the longest, D features.
class QuestionEncoderImpl : public torch::nn::Module {
 public:
  /// `ids` (Q, T) int64, padded with 0; `lengths` (Q) int64 on the CPU, each 1 to T -> (Q, T, D). Rows past a
  /// question's length are zero, and what stands in `ids` there has no influence.
  virtual torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& lengths) = 0;

  virtual int64_t dim() const = 0;  // D
};

struct LstmEncoderOptions {
  int64_t vocabulary_size = 0;  // rows of the embedding: the tokenizer's vocabulary_size(), at least 2
  int64_t word_dim = 300;       // width of a word's embedding
  int64_t dim = 512;            // D, width of the LSTM's state
};

/// A word embedding (`embedding`) and one LSTM layer (`lstm`), as in openvqa's MCAN.
class LstmEncoderImpl : public QuestionEncoderImpl {
 public:
  /// Throws std::invalid_argument naming the field that is out of its range.
  explicit LstmEncoderImpl(const LstmEncoderOptions& options);

  torch::Tensor forward(const torch::Tensor& ids, const torch::Tensor& lengths) override;
  int64_t dim() const override { return options_.dim; }

 private:
  LstmEncoderOptions options_;
  torch::nn::Embedding embedding_{nullptr};
  torch::nn::LSTM lstm_{nullptr};
};
TORCH_MODULE(LstmEncoder);

struct QuestionEncoderOptions {
  std::string question_encoder = "lstm";  // one of question_encoder_names()
  LstmEncoderOptions lstm;                // read by "lstm"
};

/// The encoders that can be asked for.
std::vector<std::string> question_encoder_names();

/// Throws std::invalid_argument for an unknown encoder or an option out of range.
std::shared_ptr<QuestionEncoderImpl> make_question_encoder(const QuestionEncoderOptions& options);

}  // namespace text
