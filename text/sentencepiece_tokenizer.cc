#include "text/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/unicode.h"
#include "text/albert_text.h"
#include "text/sentencepiece_trainer.h"
#include "text/special_pieces.h"

namespace text {
namespace {

constexpr std::string_view kBlank = "\u2581";  // a blank within pieces

/// Reads a protobuf varint of `bytes` at `at` and moves on. False at the end of the bytes.
bool read_varint(std::string_view bytes, size_t& at, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// True if the serialised model reaches its normaliser. Its pieces come one by one before that, so a file cut between
/// two of them would otherwise load as a smaller model.
bool is_complete(std::string_view bytes) {
  constexpr uint64_t kLengthDelimited = 2;
  constexpr uint64_t kNormalizerSpec = 3;  // field number in sentencepiece_model.proto
  bool normalizer = false;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t tag = 0;
    uint64_t length = 0;
    if (!read_varint(bytes, at, tag) || (tag & 7) != kLengthDelimited) return false;
    if (!read_varint(bytes, at, length) || length > bytes.size() - at) return false;
    normalizer = normalizer || tag >> 3 == kNormalizerSpec;
    at += length;
  }
  return normalizer;
}

/// Whether a piece is text, a digit and a comma: "\u25819,".
bool ends_in_digit_and_comma(std::string_view piece) {
  if (!piece.ends_with(',') || piece.size() < 2) return false;
  size_t at = piece.size() - 2;
  while (at > 0 && (static_cast<unsigned char>(piece[at]) & 0xC0) == 0x80) --at;  // to the first byte of a character
  return data::is_digit(data::character_at(piece, at).code);
}

std::string without_blanks(std::string_view piece) {
  std::string text;
  for (size_t at = 0; at < piece.size();) {
    if (piece.substr(at).starts_with(kBlank)) {
      at += kBlank.size();
    } else {
      text += piece[at++];
    }
  }
  return text;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(std::string model, const TokenizerOptions& options)
    : Tokenizer(options.max_tokens),
      model_(std::move(model)),
      options_(options),
      processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()) {
  if (!is_complete(model_) || !processor_->LoadFromSerializedProto(model_).ok())
    throw std::runtime_error("is truncated or no SentencePiece model; restore the file or train the model again");
  const auto require = [&](const char* piece, int64_t wanted) {
    const int64_t id = processor_->PieceToId(piece);
    if (id == wanted && processor_->IdToPiece(static_cast<int>(id)) == piece) return;
    throw std::runtime_error("lacks " + std::string(piece) + " at id " + std::to_string(wanted) +
                             "; take a model with ALBERT's special pieces, as vqa data tokenizer makes them");
  };
  require(kPaddingPiece, kPaddingId);
  require(kUnknownPiece, kUnknownId);
  begin_ = processor_->PieceToId(kBeginPiece);
  end_ = processor_->PieceToId(kEndPiece);
  for (const auto& [piece, id] : {std::pair{kBeginPiece, begin_}, {kEndPiece, end_}}) {
    if (id != kUnknownId) continue;
    throw std::runtime_error("lacks " + std::string(piece) +
                             "; take a model with ALBERT's special pieces, as vqa data tokenizer makes them");
  }
  mask_ = processor_->PieceToId(kMaskPiece);
  if (mask_ == kUnknownId) mask_ = kPaddingId;
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

std::unique_ptr<Tokenizer> SentencePieceTokenizer::build(const std::vector<data::Question>& questions,
                                                         const TokenizerOptions& options) {
  return std::make_unique<SentencePieceTokenizer>(train_sentencepiece(questions, options), options);
}

std::unique_ptr<Tokenizer> SentencePieceTokenizer::load(const std::filesystem::path& folder,
                                                        const TokenizerOptions& options) {
  return read(folder / kFile, options);
}

std::unique_ptr<Tokenizer> SentencePieceTokenizer::read(const std::filesystem::path& path,
                                                        const TokenizerOptions& options) {
  std::string model = data::read_file(path);
  try {
    return std::make_unique<SentencePieceTokenizer>(std::move(model), options);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

int64_t SentencePieceTokenizer::vocabulary_size() const { return processor_->GetPieceSize(); }

void SentencePieceTokenizer::save(const std::filesystem::path& folder) const {
  data::write_file(folder / kFile, model_);
}

std::vector<int64_t> SentencePieceTokenizer::ids(std::string_view text) const {
  std::vector<int64_t> ids{begin_};
  const std::string prepared = albert_text(text, options_);
  const auto pieces = processor_->EncodeAsImmutableProto(prepared);
  for (const auto& piece : pieces.pieces()) append_piece(piece.piece(), piece.id(), ids);
  ids.resize(std::min(ids.size(), static_cast<size_t>(max_tokens()) - 1));
  ids.push_back(end_);
  return ids;
}

/// The id of a piece of text.
int64_t SentencePieceTokenizer::id_of(std::string_view piece) const {
  const int64_t id = processor_->PieceToId(absl::string_view(piece.data(), piece.size()));
  return is_special(id) ? kUnknownId : id;
}

void SentencePieceTokenizer::append_piece(std::string_view piece, int64_t id, std::vector<int64_t>& ids) const {
  if (ends_in_digit_and_comma(piece)) {
    // "9,9" is 9 and , and 9 (as in BERT), though the vocabulary may hold "9,".
    piece.remove_suffix(1);
    append_pieces_of(without_blanks(piece), piece.starts_with(kBlank), ids);
    ids.push_back(id_of(","));
  } else if (is_special(id)) {
    // A model may take a special piece for a word wherever text spells it ("user-defined"): no two halves spell it.
    append_pieces_of(piece.substr(0, 1), false, ids);
    append_pieces_of(piece.substr(1), false, ids);
  } else {
    ids.push_back(id);
  }
}

/// Cuts text that is a part of a cut text. SentencePiece begins every text with a blank, which is not there where the
/// part does not begin a word.
void SentencePieceTokenizer::append_pieces_of(std::string_view text, bool begins_word,
                                              std::vector<int64_t>& ids) const {
  const auto pieces = processor_->EncodeAsImmutableProto(absl::string_view(text.data(), text.size()));
  bool is_first = true;
  for (const auto& each : pieces.pieces()) {
    std::string_view piece = each.piece();
    if (is_first && !begins_word && piece.starts_with(kBlank)) {
      piece.remove_prefix(kBlank.size());
      if (!piece.empty()) ids.push_back(id_of(piece));
    } else {
      ids.push_back(id_of(piece));
    }
    is_first = false;
  }
}

}  // namespace text
