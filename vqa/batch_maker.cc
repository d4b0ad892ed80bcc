#include "vqa/batch_maker.h"

#include <cstring>
#include <stdexcept>

#include "data/settings.h"
#include "vision/image.h"

namespace vqa {

void require_one_size(const vision::ImageTransformOptions& options) {
  if (vision::ImageSize::parse(options.size).is_square()) return;
  data::refuse_value("image-size", "'" + options.size + "'", "a square, such as 448: a batch holds images of one size");
}

BatchMaker::BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer,
                       const data::AnswerVocabulary& answers, const vision::ImageTransform& transform)
    : split_(split), transform_(transform) {
  require_one_size(transform.options());
  tokens_.reserve(split.questions().size());
  for (const data::Question& question : split.questions()) {
    try {
      tokens_.push_back(tokenizer.encode(question.text));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("question " + std::to_string(question.question_id) + ": " + error.what());
    }
  }
  targets_.reserve(split.annotations().size());
  for (const data::Annotation& annotation : split.annotations()) targets_.push_back(answers.soft_targets(annotation));
}

Batch BatchMaker::make(const BatchPlan& plan) const {
  Batch batch;
  batch.images = images(plan);
  batch.image_index = torch::tensor(plan.image_index, torch::kInt64);
  batch.questions = plan.questions;
  std::vector<std::span<const int64_t>> tokens;
  for (const size_t question : plan.questions) tokens.emplace_back(tokens_[question]);
  batch.set_tokens(tokens);
  batch.targets = targets(plan);
  return batch;
}

torch::Tensor BatchMaker::images(const BatchPlan& plan) const {
  const int64_t side = transform_.size().square;
  torch::Tensor all =
      torch::empty({static_cast<int64_t>(plan.images.size()), 3, side, side},
                   torch::TensorOptions(torch::kUInt8).memory_format(torch::MemoryFormat::ChannelsLast));
  const size_t bytes = static_cast<size_t>(3 * side * side);
  auto* at = all.data_ptr<uint8_t>();
  for (const size_t image : plan.images) {
    const torch::Tensor one = transform_.resize(vision::read_image(split_.images()[image].path));  // (3, H, W)
    // Both have the channels last; a plain copy keeps LibTorch's threads out of the decoding ones.
    std::memcpy(at, one.data_ptr<uint8_t>(), bytes);
    at += bytes;
  }
  return all;
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
