#include "text/tokenizer.h"

#include <stdexcept>

#include "data/settings.h"
#include "text/clean.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/words_tokenizer.h"

namespace text {
namespace {

struct Kind {
  const char* name;
  const char* file;
  int64_t least_tokens;  // that max_tokens may be
  std::unique_ptr<Tokenizer> (*build)(const std::vector<data::Question>& questions, const TokenizerOptions& options);
  std::unique_ptr<Tokenizer> (*load)(const std::filesystem::path& folder, const TokenizerOptions& options);
};

template <class T>
constexpr Kind kind_of() {
  return {T::kKind, T::kFile, T::kLeastTokens, T::build, T::load};
}

/// A new kind of tokenizer is one file and one line here.
constexpr Kind kKinds[] = {
    kind_of<WordsTokenizer>(),
    kind_of<SentencePieceTokenizer>(),
};

const Kind& find_kind(const std::string& name) { return data::find_named("tokenizer", name, kKinds); }

/// What `call` gives; what it throws about the question begins with the question's id.
template <class Call>
auto naming(const data::Question& question, Call call) {
  try {
    return call(question.text);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("question " + std::to_string(question.question_id) + ": " + error.what());
  }
}

}  // namespace

void TokenizerOptions::validate() const {
  data::check_range("max-tokens", max_tokens, find_kind(kind).least_tokens, kMostTokens);
  data::check_range("vocabulary-size", vocabulary_size, kLeastVocabulary, kMostVocabulary);
}

std::vector<int64_t> Tokenizer::encode(std::string_view question) const {
  check_question(question);
  return encode_checked(question);
}

std::vector<int64_t> Tokenizer::encode(const data::Question& question) const {
  return naming(question, [this](std::string_view text) { return encode(text); });
}

std::vector<std::string> tokenizer_kinds() { return data::names_of(kKinds); }

std::string tokenizer_file(const std::string& kind) { return find_kind(kind).file; }

std::unique_ptr<Tokenizer> build_tokenizer(const std::vector<data::Question>& questions,
                                           const TokenizerOptions& options) {
  options.validate();
  if (questions.empty()) throw std::runtime_error("there are no training questions to build a tokenizer from");
  for (const data::Question& question : questions) naming(question, check_question);
  return find_kind(options.kind).build(questions, options);
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder, const TokenizerOptions& options) {
  options.validate();
  return find_kind(options.kind).load(folder, options);
}

}  // namespace text
