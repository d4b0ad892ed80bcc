// Questions to token ids. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/question.h"

namespace text {

inline constexpr int64_t kPaddingId = 0;  // fills a batch's shorter questions; encode never gives it
inline constexpr int64_t kUnknownId = 1;  // what the vocabulary lacks

inline constexpr int64_t kMostTokens = 512;
inline constexpr int64_t kLeastVocabulary = 8, kMostVocabulary = 1'000'000;

struct TokenizerOptions {
  std::string kind = "words";  // one of tokenizer_kinds()
  // Longer questions are cut; up to kMostTokens, from 1, with sentencepiece from 3: [CLS] and [SEP] count
  int64_t max_tokens = 14;
  // sentencepiece: pieces to aim at, fewer when the questions do not give so many; kLeastVocabulary to kMostVocabulary
  int64_t vocabulary_size = 8000;
  bool lower_case = true;     // sentencepiece: capitals are small letters (ALBERT's do_lower_case)
  bool keep_accents = false;  // sentencepiece: characters keep their accents and are not decomposed

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// Immutable once made: encode may be called from several threads.
class Tokenizer {
 public:
  explicit Tokenizer(int64_t max_tokens) : max_tokens_(max_tokens) {}
  virtual ~Tokenizer() = default;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// 1 to max_tokens() ids. Words: the unknown id alone where nothing of the question is left (as of "???").
  /// Throws what check_question (text/clean.h) throws.
  std::vector<int64_t> encode(std::string_view question) const;

  /// The same for a question of a data set, whose id errors begin with.
  std::vector<int64_t> encode(const data::Question& question) const;

  /// Ids are 0 to vocabulary_size() - 1.
  virtual int64_t vocabulary_size() const = 0;

  /// Writes the tokenizer's one file into `folder`, which exists. Throws std::runtime_error with the path.
  virtual void save(const std::filesystem::path& folder) const = 0;

  virtual std::string kind() const = 0;
  int64_t max_tokens() const { return max_tokens_; }

 private:
  /// The same for a question that check_question has passed.
  virtual std::vector<int64_t> encode_checked(std::string_view question) const = 0;

  int64_t max_tokens_;
};

/// The kinds that can be asked for: `words` (file words.txt) and `sentencepiece` (file spiece.model).
std::vector<std::string> tokenizer_kinds();

/// The file name of a kind's one file in a model's folder. Throws std::invalid_argument for an unknown kind.
std::string tokenizer_file(const std::string& kind);

/// Builds or trains a tokenizer on the training questions; the same questions give the same tokenizer.
/// Throws std::invalid_argument for a bad option, what Tokenizer::encode throws for a question, and std::runtime_error
/// where the questions give no vocabulary.
std::unique_ptr<Tokenizer> build_tokenizer(const std::vector<data::Question>& questions,
                                           const TokenizerOptions& options);

/// Reads what Tokenizer::save wrote. Of `options`, all but vocabulary_size count.
/// Throws std::runtime_error with path (and line) for a missing, empty, truncated or foreign file.
std::unique_ptr<Tokenizer> load_tokenizer(const std::filesystem::path& folder, const TokenizerOptions& options);

}  // namespace text
