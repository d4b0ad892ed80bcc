#include "vqa/question_model.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/grouped.h"
#include "data/sha256.h"
#include "data/weights.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/word_vectors.h"
#include "text/words_tokenizer.h"

namespace vqa {
namespace fs = std::filesystem;

void take_settings(const text::AlbertFolder& albert, ModelConfig& config) {
  take_settings(albert.options, config);
  config.tokenizer = text::SentencePieceTokenizer::kKind;
  config.lower_case = albert.lower_case;
  config.keep_accents = albert.keep_accents;
}

std::shared_ptr<const text::Tokenizer> read_tokenizer(const fs::path& spiece, const ModelConfig& config) {
  return text::SentencePieceTokenizer::read(
      fs::is_directory(spiece) ? spiece / text::SentencePieceTokenizer::kFile : spiece, tokenizer_options(config));
}

std::shared_ptr<const text::Tokenizer> tokenizer_of(const text::AlbertFolder& albert, const ModelConfig& config) {
  auto tokenizer = read_tokenizer(albert.spiece, config);
  if (tokenizer->vocabulary_size() > albert.options.vocabulary_size) {
    throw std::runtime_error(albert.spiece.string() + ": has " + std::to_string(tokenizer->vocabulary_size()) +
                             " pieces, the ALBERT beside it has embeddings for " +
                             std::to_string(albert.options.vocabulary_size) +
                             "; use the file that it was trained with");
  }
  return tokenizer;
}

void load_question_encoder(const text::AlbertFolder& albert, Bundle& bundle) {
  data::load_weights(bundle.model->question_encoder(), albert.tensors_for(bundle.tokenizer->vocabulary_size()),
                     {.file = albert.weights.string(), .prefix = ""});
}

FrozenQuestionEncoder frozen_question_encoder(const Bundle& bundle) {
  data::Sha256 sha;
  const std::string settings = to_json(bundle.config)["model"].dump();
  sha.update(settings.data(), settings.size());
  Model model = bundle.model;
  for (const auto& [name, tensor] : data::network_tensors(model->question_encoder()).tensors) {
    const torch::Tensor values = tensor.detach().cpu().contiguous();
    sha.update(name.data(), name.size());
    sha.update(values.const_data_ptr(), values.nbytes());
  }
  return {.name = bundle.config.model.question_encoder,
          .fingerprint = sha.digest(),
          .dim = model->question_encoder().dim(),
          .encode = [model](const torch::Tensor& ids, const torch::Tensor& lengths) mutable {
            return model->read_tokens(ids.to(model->device()), lengths);
          }};
}

std::string load_word_vectors(const fs::path& file, Bundle& bundle) {
  const auto* words = dynamic_cast<const text::WordsTokenizer*>(bundle.tokenizer.get());
  auto* encoder = dynamic_cast<text::LstmEncoderImpl*>(&bundle.model->question_encoder());
  if (words == nullptr || encoder == nullptr) {
    throw std::invalid_argument(
        "word-vectors: for the tokenizer words and the question encoder lstm alone; leave out --word-vectors");
  }
  const text::WordVectors vectors = text::read_word_vectors(file, words->words(), bundle.config.model.word_dim);
  const torch::NoGradGuard no_grad;
  const torch::Tensor& table = encoder->embedding()->weight;  // (vocabulary, word_dim)
  for (size_t word = 0; word < vectors.found.size(); ++word) {
    if (!vectors.found[word]) continue;
    const float* row = vectors.values.data() + word * static_cast<size_t>(vectors.dim);
    table[text::WordsTokenizer::kFirstWordId + static_cast<int64_t>(word)].copy_(
        torch::from_blob(const_cast<float*>(row), {vectors.dim}, torch::kFloat32));
  }
  return data::grouped(vectors.found_count) + " of " + data::grouped(static_cast<int64_t>(vectors.found.size())) +
         " words";
}

}  // namespace vqa
