// From a plan to a batch: images decoded and resized, questions as ids, soft targets.
#pragma once

#include <cstdint>
#include <vector>

#include "data/answer_vocabulary.h"
#include "data/split.h"
#include "text/tokenizer.h"
#include "vision/image_transform.h"
#include "vqa/batch.h"

namespace vqa {

/// Throws std::invalid_argument unless pictures of any form get one size, as those of a batch must.
void require_one_size(const vision::ImageTransformOptions& options);

/// Makes batches of one split. Questions are tokenized and targets looked up once, on construction. Thread-safe.
class BatchMaker {
 public:
  /// `split` and `transform` must outlive this. Errors: those of require_one_size, and those of Tokenizer::encode with
  /// the question's id.
  BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer, const data::AnswerVocabulary& answers,
             const vision::ImageTransform& transform);

  /// On the CPU. Throws std::runtime_error with the path of an image that cannot be decoded.
  Batch make(const BatchPlan& plan) const;

  const data::Split& split() const { return split_; }

 private:
  torch::Tensor images(const BatchPlan& plan) const;
  SparseTargets targets(const BatchPlan& plan) const;

  const data::Split& split_;
  const vision::ImageTransform& transform_;
  std::vector<std::vector<int64_t>> tokens_;            // by question
  std::vector<std::vector<data::SoftTarget>> targets_;  // by question; empty without annotations
};

}  // namespace vqa
