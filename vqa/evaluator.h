// A model's answers to a split, and their accuracy.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "data/results.h"
#include "vqa/batch_loader.h"
#include "vqa/model.h"

namespace vqa {

struct EvaluatorOptions {
  int64_t batch_size = 256;  // questions
  LoaderOptions loader;
  std::function<void(int64_t done, int64_t total)> on_progress = {};  // questions answered so far
  const std::atomic<bool>* stop = nullptr;                            // becomes true where the work is to end early
};

/// Answers all questions of a split with the most probable answer, in the split's order.
class Evaluator {
 public:
  explicit Evaluator(EvaluatorOptions options) : options_(std::move(options)) {}

  /// The model is in evaluation mode while this runs and back in its mode afterwards. One result per question, in the
  /// questions' order. Where the work is stopped, the results are empty.
  std::vector<data::Result> predict(Model& model, const BatchMaker& maker, const data::AnswerVocabulary& answers) const;

 private:
  EvaluatorOptions options_;
};

}  // namespace vqa
