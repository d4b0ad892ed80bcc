#include "vqa/batch_maker.h"

#include <utility>

#include "data/exact_random.h"

namespace vqa {

BatchMaker::BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer,
                       std::unique_ptr<const ImageSource> images)
    : split_(split), images_(std::move(images)) {
  tokens_.reserve(split.questions().size());
  for (const data::Question& question : split.questions()) tokens_.push_back(tokenizer.encode(question));
}

BatchMaker::BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer,
                       const data::AnswerVocabulary& answers, std::unique_ptr<const ImageSource> images)
    : BatchMaker(split, tokenizer, std::move(images)) {
  targets_.reserve(split.annotations().size());
  for (const data::Annotation& annotation : split.annotations()) targets_.push_back(answers.soft_targets(annotation));
}

Batch BatchMaker::make(const BatchPlan& plan) const {
  Batch batch;
  images_->load(plan, batch);
  batch.image_index = torch::tensor(plan.image_index, torch::kInt64);
  batch.questions = plan.questions;
  std::vector<std::span<const int64_t>> tokens;
  std::vector<Tokens> changed;
  if (plan.seed >= 0 && dropped_share_ > 0 && questions_ == nullptr) {
    for (const size_t question : plan.questions) changed.push_back(with_words_dropped(question, plan.seed));
    tokens.assign(changed.begin(), changed.end());
  } else {
    for (const size_t question : plan.questions) tokens.emplace_back(tokens_[question]);
  }
  batch.set_tokens(tokens);
  if (questions_ != nullptr) batch.question_features = questions_->read(tokens);
  batch.targets = targets(plan);
  return batch;
}

Tokens BatchMaker::with_words_dropped(size_t question, int64_t seed) const {
  constexpr int64_t kSteps = int64_t{1} << 30;
  const auto dropped = static_cast<int64_t>(dropped_share_ * static_cast<double>(kSteps));
  // The seed's complement: pictures with a question's number are not to change in step with it.
  data::ExactRandom random(data::mixed_seed(~static_cast<uint64_t>(seed), question));
  Tokens tokens = tokens_[question];
  for (int64_t& token : tokens)
    if (random.below(kSteps) < dropped) token = text::kUnknownId;
  return tokens;
}

SparseTargets BatchMaker::targets(const BatchPlan& plan) const {
  if (targets_.empty()) return {};
  std::vector<int64_t> rows, answers;
  std::vector<float> scores;
  for (size_t row = 0; row < plan.questions.size(); ++row) {
    for (const data::SoftTarget& target : targets_[plan.questions[row]]) {
      rows.push_back(static_cast<int64_t>(row));
      answers.push_back(target.answer);
      scores.push_back(target.score);
    }
  }
  return {torch::tensor(rows, torch::kInt64), torch::tensor(answers, torch::kInt64),
          torch::tensor(scores, torch::kFloat32)};
}

}  // namespace vqa
