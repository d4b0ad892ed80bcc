#include "vqa/question_model.h"

#include <stdexcept>

#include "data/grouped.h"
#include "data/weights.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/word_vectors.h"
#include "text/words_tokenizer.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

constexpr const char* kWordEmbeddings = "embeddings.word_embeddings.weight";  // of an ALBERT

}  // namespace

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
  data::TensorFile tensors = albert.tensors;
  torch::Tensor& words = tensors.tensors.at(kWordEmbeddings);  // (vocabulary, E)
  words = words.narrow(0, 0, bundle.tokenizer->vocabulary_size());
  data::load_weights(bundle.model->question_encoder(), tensors, {.file = albert.weights.string(), .prefix = ""});
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
