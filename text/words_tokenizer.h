// One id per word of the training questions.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "text/tokenizer.h"

namespace text {

/// Ids as in openvqa: 0 padding, 1 unknown, then the words (clean_words) in the order they first appear. Its file,
/// words.txt, has a word a line: line n holds the word of id n + 1.
class WordsTokenizer : public Tokenizer {
 public:
  static constexpr const char* kKind = "words";
  static constexpr const char* kFile = "words.txt";
  static constexpr int64_t kFirstWordId = 2;
  static constexpr int64_t kLeastTokens = 1;

  static std::unique_ptr<Tokenizer> build(const std::vector<data::Question>& questions,
                                          const TokenizerOptions& options);
  static std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const TokenizerOptions& options);

  /// `words` are distinct.
  WordsTokenizer(std::vector<std::string> words, int64_t max_tokens);

  int64_t vocabulary_size() const override;
  void save(const std::filesystem::path& folder) const override;
  std::string kind() const override { return kKind; }

  /// The words by id, from id 2 on: what an embedding of given word vectors is filled by.
  const std::vector<std::string>& words() const { return words_; }

 private:
  std::vector<int64_t> encode_checked(std::string_view question) const override;

  std::vector<std::string> words_;
  std::unordered_map<std::string, int64_t> ids_;
};

}  // namespace text
