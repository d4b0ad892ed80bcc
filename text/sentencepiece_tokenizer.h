// Sub-word pieces (Kudo and Richardson 2018, SentencePiece; unigram model).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace text {

/// A SentencePiece model, trained on the questions with case folding (rule nmt_nfkc_cf), padding id 0 and unknown id 1.
/// Its file, spiece.model, is SentencePiece's own.
class SentencePieceTokenizer : public Tokenizer {
 public:
  static constexpr const char* kKind = "sentencepiece";
  static constexpr const char* kFile = "spiece.model";

  static std::unique_ptr<Tokenizer> build(const std::vector<data::Question>& questions,
                                          const TokenizerOptions& options);
  static std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const TokenizerOptions& options);

  /// `model` is the content of a SentencePiece model file. Throws std::runtime_error, without a path, where it is not.
  SentencePieceTokenizer(std::string model, int64_t max_tokens);
  ~SentencePieceTokenizer() override;

  int64_t vocabulary_size() const override;
  void save(const std::filesystem::path& folder) const override;
  std::string kind() const override { return kKind; }

 private:
  std::vector<int64_t> encode_all(std::string_view question) const override;

  std::string model_;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
};

}  // namespace text
