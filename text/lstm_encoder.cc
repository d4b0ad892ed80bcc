#include "text/lstm_encoder.h"

#include "data/settings.h"
#include "text/prefix_lstm.h"
#include "text/prefix_trie.h"

namespace text {

namespace nn = torch::nn;

LstmEncoderImpl::LstmEncoderImpl(const LstmEncoderOptions& options) : options_(options) {
  data::check_at_least("vocabulary-size", options.vocabulary_size, 2);
  data::check_at_least("word-dim", options.word_dim, 1);
  data::check_at_least("dim", options.dim, 1);
  embedding_ = register_module("embedding", nn::Embedding(options.vocabulary_size, options.word_dim));
  lstm_ = register_module("lstm", nn::LSTM(nn::LSTMOptions(options.word_dim, options.dim).batch_first(true)));
}

torch::Tensor LstmEncoderImpl::forward(const torch::Tensor& ids, const torch::Tensor& lengths) {
  TORCH_CHECK(ids.dim() == 2 && lengths.dim() == 1 && lengths.size(0) == ids.size(0), "ids (Q, T), lengths (Q)");
  for (const int64_t end : {lengths.min().item<int64_t>(), lengths.max().item<int64_t>()})
    data::check_range("lengths", end, 1, ids.size(1));
  const torch::Tensor tokens = ids.cpu().contiguous();  // (Q, T)
  const PrefixTrie trie(tokens.const_data_ptr<int64_t>(), lengths.contiguous().const_data_ptr<int64_t>(),
                        tokens.size(0), tokens.size(1));
  const torch::Tensor words = embedding_->forward(torch::tensor(trie.words, ids.options()));  // (W, word_dim)
  const std::vector<torch::Tensor> w = lstm_->all_weights();
  return prefix_lstm(trie, words, {.input = w[0], .hidden = w[1], .input_bias = w[2], .hidden_bias = w[3]});
}

}  // namespace text
