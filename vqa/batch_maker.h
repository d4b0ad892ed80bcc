// From a plan to a batch: images or grid features, questions as ids, soft targets where it is to be learnt from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/answer_vocabulary.h"
#include "data/split.h"
#include "text/tokenizer.h"
#include "vqa/batch.h"
#include "vqa/image_source.h"
#include "vqa/question_store.h"

namespace vqa {

/// Makes batches of one split. Questions are tokenized and targets looked up once, on construction. Thread-safe.
class BatchMaker {
 public:
  /// Batches to answer, without targets. `split` must outlive this. Errors: those of Tokenizer::encode, with the
  /// question's id.
  BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer, std::unique_ptr<const ImageSource> images);

  /// Batches to learn from, with soft targets among `answers`.
  BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer, const data::AnswerVocabulary& answers,
             std::unique_ptr<const ImageSource> images);

  /// On the CPU. Errors: those of ImageSource::load.
  Batch make(const BatchPlan& plan) const;

  const data::Split& split() const { return split_; }

  /// The ids of every question of the split.
  std::span<const Tokens> tokens() const { return tokens_; }

  /// From now on this share (0 up to but not including 1) of the words of a question are read as unknown at random, in
  /// batches whose plan has a seed: which ones follows from that and the question's place in the split alone. Features
  /// that are taken ready stay as they are.
  void drop_words(double share) { dropped_share_ = share; }

  /// From now on batches get their questions' features from `store`, which has to outlive this.
  void take_question_features(const QuestionStore* store) { questions_ = store; }

 private:
  SparseTargets targets(const BatchPlan& plan) const;
  Tokens with_words_dropped(size_t question, int64_t seed) const;

  const data::Split& split_;
  std::unique_ptr<const ImageSource> images_;
  const QuestionStore* questions_ = nullptr;
  double dropped_share_ = 0;
  std::vector<Tokens> tokens_;                          // by question
  std::vector<std::vector<data::SoftTarget>> targets_;  // by question; empty in batches to answer
};

}  // namespace vqa
