#include "text/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <stdexcept>
#include <unordered_map>

#include "data/atomic_file.h"

namespace text {
namespace {

/// Hands the trainer the questions one by one.
class Questions : public sentencepiece::SentenceIterator {
 public:
  explicit Questions(const std::vector<data::Question>& questions) : at_(questions.begin()), end_(questions.end()) {}
  bool done() const override { return at_ == end_; }
  void Next() override { ++at_; }
  const std::string& value() const override { return at_->text; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<data::Question>::const_iterator at_;
  std::vector<data::Question>::const_iterator end_;
};

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

std::string train(const std::vector<data::Question>& questions, int64_t vocabulary_size) {
  const std::unordered_map<std::string, std::string> options = {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(vocabulary_size)},
      {"hard_vocab_limit", "false"},  // few questions give few pieces
      {"normalization_rule_name", "nmt_nfkc_cf"},
      {"pad_id", std::to_string(kPaddingId)},
      {"unk_id", std::to_string(kUnknownId)},
      {"bos_id", "-1"},
      {"eos_id", "-1"},
      {"num_threads", "1"},  // the order of sums, and so the model, depends on it
      {"minloglevel", "3"},
  };
  Questions sentences(questions);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &sentences, &model);
  if (!status.ok()) {
    throw std::runtime_error("no SentencePiece model of " + std::to_string(vocabulary_size) +
                             " pieces can be made of the training questions: " + status.ToString());
  }
  return model;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(std::string model, int64_t max_tokens)
    : Tokenizer(max_tokens),
      model_(std::move(model)),
      processor_(std::make_unique<sentencepiece::SentencePieceProcessor>()) {
  if (!is_complete(model_) || !processor_->LoadFromSerializedProto(model_).ok())
    throw std::runtime_error("is truncated or no SentencePiece model; restore the file or train the model again");
  if (processor_->pad_id() != kPaddingId || processor_->unk_id() != kUnknownId) {
    throw std::runtime_error("has padding id " + std::to_string(processor_->pad_id()) + " and unknown id " +
                             std::to_string(processor_->unk_id()) + " in place of 0 and 1; train it with these");
  }
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

std::unique_ptr<Tokenizer> SentencePieceTokenizer::build(const std::vector<data::Question>& questions,
                                                         const TokenizerOptions& options) {
  return std::make_unique<SentencePieceTokenizer>(train(questions, options.vocabulary_size), options.max_tokens);
}

std::unique_ptr<Tokenizer> SentencePieceTokenizer::load(const std::filesystem::path& folder,
                                                        const TokenizerOptions& options) {
  const std::filesystem::path path = folder / kFile;
  std::string model = data::read_file(path);
  try {
    return std::make_unique<SentencePieceTokenizer>(std::move(model), options.max_tokens);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

int64_t SentencePieceTokenizer::vocabulary_size() const { return processor_->GetPieceSize(); }

void SentencePieceTokenizer::save(const std::filesystem::path& folder) const {
  data::write_file(folder / kFile, model_);
}

std::vector<int64_t> SentencePieceTokenizer::encode_all(std::string_view question) const {
  std::vector<int> ids;
  const auto status = processor_->Encode(absl::string_view(question.data(), question.size()), &ids);
  if (!status.ok()) throw std::runtime_error("the question cannot be split into pieces: " + status.ToString());
  return {ids.begin(), ids.end()};
}

}  // namespace text
