// Sub-word pieces (Kudo and Richardson 2018, SentencePiece) by ALBERT's rule (Lan et al. 2020).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace text {

/// The ids that Hugging Face's AlbertTokenizer gives (the slow one, with split_special_tokens): [CLS], the pieces of
/// the text as albert_text prepares it, [SEP]. Text never gets the id of [CLS], [SEP], [MASK] or <pad>, whatever it
/// spells. (Digits that are no decimals, as in "\u2776,", keep the comma after them; Python's isdigit, unlike utf8proc,
/// knows them.) Its file, spiece.model, is SentencePiece's own; ALBERT's published ones do.
class SentencePieceTokenizer : public Tokenizer {
 public:
  static constexpr const char* kKind = "sentencepiece";
  static constexpr const char* kFile = "spiece.model";
  static constexpr int64_t kLeastTokens = 3;  // [CLS], a piece, [SEP]

  static std::unique_ptr<Tokenizer> build(const std::vector<data::Question>& questions,
                                          const TokenizerOptions& options);
  static std::unique_ptr<Tokenizer> load(const std::filesystem::path& folder, const TokenizerOptions& options);

  /// The same from a file of any name. Throws std::runtime_error with its path.
  static std::unique_ptr<Tokenizer> read(const std::filesystem::path& path, const TokenizerOptions& options);

  /// `model` is the content of a SentencePiece model file with <pad> 0, <unk> 1, [CLS] and [SEP]. Throws
  /// std::runtime_error, without a path, where it is not. Of `options`, max_tokens, lower_case and keep_accents count.
  SentencePieceTokenizer(std::string model, const TokenizerOptions& options);
  ~SentencePieceTokenizer() override;

  /// [CLS], at most max_tokens() - 2 pieces, [SEP]; also of a text without any. `text` is UTF-8.
  std::vector<int64_t> ids(std::string_view text) const;

  int64_t vocabulary_size() const override;
  void save(const std::filesystem::path& folder) const override;
  std::string kind() const override { return kKind; }

 private:
  std::vector<int64_t> encode_checked(std::string_view question) const override { return ids(question); }
  int64_t id_of(std::string_view piece) const;
  bool is_special(int64_t id) const { return id == kPaddingId || id == begin_ || id == end_ || id == mask_; }
  void append_piece(std::string_view piece, int64_t id, std::vector<int64_t>& ids) const;
  void append_pieces_of(std::string_view text, bool begins_word, std::vector<int64_t>& ids) const;

  std::string model_;
  TokenizerOptions options_;
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
  int64_t begin_ = 0, end_ = 0, mask_ = 0;  // ids of [CLS], [SEP] and [MASK], the last kPaddingId where there is none
};

}  // namespace text
