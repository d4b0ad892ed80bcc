#include "vqa/batch_maker.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "vision/image.h"

namespace vqa {

BatchMaker::BatchMaker(const data::Split& split, const text::Tokenizer& tokenizer,
                       const data::AnswerVocabulary& answers, const vision::ImageTransform& transform)
    : split_(split), transform_(transform) {
  tokens_.reserve(split.questions().size());
  for (const data::Question& question : split.questions()) {
    try {
      const std::vector<int64_t> ids = tokenizer.encode(question.text);
      tokens_.emplace_back(ids.begin(), ids.end());
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
  add_questions(plan, batch);
  return batch;
}

torch::Tensor BatchMaker::images(const BatchPlan& plan) const {
  const int64_t side = transform_.options().image_size;
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

void BatchMaker::add_questions(const BatchPlan& plan, Batch& batch) const {
  const auto count = static_cast<int64_t>(plan.questions.size());
  size_t longest = 1;
  for (const size_t question : plan.questions) longest = std::max(longest, tokens_[question].size());
  batch.tokens = torch::full({count, static_cast<int64_t>(longest)}, text::kPaddingId, torch::kInt64);  // (Q, T)
  batch.token_lengths = torch::empty({count}, torch::kInt64);
  std::vector<int64_t> rows, answers;
  std::vector<float> scores;
  auto* token = batch.tokens.data_ptr<int64_t>();
  auto* length = batch.token_lengths.data_ptr<int64_t>();
  for (int64_t row = 0; row < count; ++row, token += longest) {
    const size_t question = plan.questions[static_cast<size_t>(row)];
    std::copy(tokens_[question].begin(), tokens_[question].end(), token);
    length[row] = static_cast<int64_t>(tokens_[question].size());
    if (targets_.empty()) continue;
    for (const data::SoftTarget& target : targets_[question]) {
      rows.push_back(row);
      answers.push_back(target.answer);
      scores.push_back(target.score);
    }
  }
  if (!targets_.empty()) {
    batch.targets = {torch::tensor(rows, torch::kInt64), torch::tensor(answers, torch::kInt64),
                     torch::tensor(scores, torch::kFloat32)};
  }
}

}  // namespace vqa
