#include "text/question_encoder.h"

#include <stdexcept>

#include "data/settings.h"

namespace text {
namespace {

namespace nn = torch::nn;

struct Encoder {
  const char* name;
  std::shared_ptr<QuestionEncoderImpl> (*make)(const QuestionEncoderOptions& options);
};

/// A new encoder is one file and one line here.
constexpr Encoder kEncoders[] = {
    {"lstm",
     [](const QuestionEncoderOptions& options) -> std::shared_ptr<QuestionEncoderImpl> {
       return std::make_shared<LstmEncoderImpl>(options.lstm);
     }},
};

}  // namespace

LstmEncoderImpl::LstmEncoderImpl(const LstmEncoderOptions& options) : options_(options) {
  data::check_at_least("vocabulary-size", options.vocabulary_size, 2);
  data::check_at_least("word-dim", options.word_dim, 1);
  data::check_at_least("dim", options.dim, 1);
  embedding_ = register_module("embedding", nn::Embedding(options.vocabulary_size, options.word_dim));
  lstm_ = register_module("lstm", nn::LSTM(nn::LSTMOptions(options.word_dim, options.dim).batch_first(true)));
}

torch::Tensor LstmEncoderImpl::forward(const torch::Tensor& ids, const torch::Tensor& lengths) {
  TORCH_CHECK(ids.dim() == 2 && lengths.dim() == 1 && lengths.size(0) == ids.size(0), "ids (Q, T), lengths (Q)");
  // Padding comes after the words and an LSTM looks back only, so running it over the padding changes nothing before.
  const torch::Tensor states = std::get<0>(lstm_->forward(embedding_->forward(ids)));  // (Q, T, D)
  const torch::Tensor position = torch::arange(ids.size(1), ids.options());
  const torch::Tensor padding = position >= lengths.to(ids.device()).unsqueeze(1);  // (Q, T)
  return states.masked_fill(padding.unsqueeze(2), 0);
}

std::vector<std::string> question_encoder_names() { return data::names_of(kEncoders); }

std::shared_ptr<QuestionEncoderImpl> make_question_encoder(const QuestionEncoderOptions& options) {
  return data::find_named("question-encoder", options.question_encoder, kEncoders).make(options);
}

}  // namespace text
