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
  std::unique_ptr<Tokenizer> (*build)(const std::vector<std::string>& questions, const TokenizerOptions& options);
  std::unique_ptr<Tokenizer> (*load)(const std::filesystem::path& folder, const TokenizerOptions& options);
};

template <class T>
constexpr Kind kind_of() {
  return {T::kKind, T::kFile, T::build, T::load};
}

/// A new kind of tokenizer is one file and one line here.
constexpr Kind kKinds[] = {
    kind_of<WordsTokenizer>(),
    kind_of<SentencePieceTokenizer>(),
};

const Kind& find_kind(const std::string& name) { return data::find_named("tokenizer", name, kKinds); }

const Kind& check(const TokenizerOptions& options) {
  data::check_range("max-tokens", options.max_tokens, 1, kMostTokens);
  return find_kind(options.kind);
}

}  // namespace

std::vector<int64_t> Tokenizer::encode(std::string_view question) const {
  check_question(question);
  std::vector<int64_t> ids = encode_all(question);
  if (ids.empty()) ids.push_back(kUnknownId);
  if (ids.size() > static_cast<size_t>(max_tokens_)) ids.resize(static_cast<size_t>(max_tokens_));
  return ids;
}

std::vector<std::string> tokenizer_kinds() { return data::names_of(kKinds); }

std::string tokenizer_file(const std::string& kind) { return find_kind(kind).file; }

std::unique_ptr<Tokenizer> build_tokenizer(const std::vector<std::string>& questions, const TokenizerOptions& options) {
  const Kind& kind = check(options);
  if (questions.empty()) throw std::runtime_error("there are no training questions to build a tokenizer from");
  for (size_t i = 0; i < questions.size(); ++i) {
    try {
      check_question(questions[i]);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("training question " + std::to_string(i + 1) + ": " + error.what());
    }
  }
  return kind.build(questions, options);
}

std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder, const TokenizerOptions& options) {
  return check(options).load(folder, options);
}

}  // namespace text
