#include "text/sentencepiece_trainer.h"

#include <sentencepiece_trainer.h>

#include <stdexcept>
#include <unordered_map>

#include "text/albert_text.h"
#include "text/special_pieces.h"

namespace text {
namespace {

/// Hands the trainer the questions one by one.
class Questions : public sentencepiece::SentenceIterator {
 public:
  Questions(const std::vector<data::Question>& questions, const TokenizerOptions& options)
      : at_(questions.begin()), end_(questions.end()), options_(options) {
    prepare();
  }
  bool done() const override { return at_ == end_; }
  void Next() override {
    ++at_;
    prepare();
  }
  const std::string& value() const override { return text_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void prepare() {
    if (!done()) text_ = albert_text(at_->text, options_);
  }

  std::vector<data::Question>::const_iterator at_;
  std::vector<data::Question>::const_iterator end_;
  const TokenizerOptions& options_;
  std::string text_;
};

}  // namespace

std::string train_sentencepiece(const std::vector<data::Question>& questions, const TokenizerOptions& options) {
  const std::unordered_map<std::string, std::string> settings = {
      {"model_type", "unigram"},
      {"vocab_size", std::to_string(options.vocabulary_size)},
      {"hard_vocab_limit", "false"},  // few questions give few pieces
      {"character_coverage", "1"},    // questions have so few digits that the default would leave them out
      {"normalization_rule_name", "identity"},
      {"pad_id", std::to_string(kPaddingId)},
      {"pad_piece", kPaddingPiece},
      {"unk_id", std::to_string(kUnknownId)},
      {"unk_piece", kUnknownPiece},
      {"bos_id", "-1"},
      {"eos_id", "-1"},
      {"control_symbols", std::string(kBeginPiece) + "," + kEndPiece + "," + kMaskPiece},
      {"max_sentence_length", "100000"},  // longer than any question, in bytes
      {"num_threads", "1"},               // the order of sums, and so the model, depends on it
      {"minloglevel", "3"},
  };
  Questions sentences(questions, options);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(settings, &sentences, &model);
  if (!status.ok()) {
    const bool few = status.ToString().find("smaller than required_chars") != std::string::npos;
    throw std::runtime_error("no SentencePiece model of " + std::to_string(options.vocabulary_size) +
                             " pieces can be made of the training questions: " +
                             (few ? "they have more characters; ask for more pieces" : status.ToString()));
  }
  return model;
}

}  // namespace text
