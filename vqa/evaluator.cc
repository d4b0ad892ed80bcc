#include "vqa/evaluator.h"

namespace vqa {
namespace {

/// Evaluation mode while this lives, then the mode from before.
class EvaluationMode {
 public:
  explicit EvaluationMode(Model& model) : model_(model), was_training_(model->is_training()) { model_->eval(); }
  ~EvaluationMode() { model_->train(was_training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Model& model_;
  bool was_training_;
};

}  // namespace

std::vector<data::Result> Evaluator::predict(Model& model, const BatchMaker& maker,
                                             const data::AnswerVocabulary& answers) const {
  const data::Split& split = maker.split();
  const auto total = static_cast<int64_t>(split.questions().size());
  std::vector<data::Result> results(split.questions().size());
  const EvaluationMode evaluation(model);
  const c10::InferenceMode inference;
  BatchLoader loader(maker, plan_batches(split, options_.batch_size), options_.loader);
  int64_t done = 0;
  while (std::optional<Batch> batch = loader.next()) {
    if (options_.stop != nullptr && *options_.stop) {
      results.clear();
      break;
    }
    const ModelOutput output = model->forward(batch->to(model->device()));
    const torch::Tensor best = output.logits.argmax(1).cpu();  // (Q)
    const auto* answer = best.data_ptr<int64_t>();
    for (size_t row = 0; row < batch->questions.size(); ++row) {
      const size_t question = batch->questions[row];
      results[question] = {split.questions()[question].question_id, answers.text(answer[row])};
    }
    done += static_cast<int64_t>(batch->questions.size());
    if (options_.on_progress) options_.on_progress(done, total);
  }
  return results;
}

}  // namespace vqa
