#include "vqa/batch.h"

#include <algorithm>
#include <numeric>

#include "data/exact_random.h"
#include "text/tokenizer.h"

namespace vqa {
namespace {

torch::Tensor moved(const torch::Tensor& tensor, torch::Device device) {
  return tensor.defined() ? tensor.to(device, /*non_blocking=*/true) : tensor;
}

/// 0 .. count-1, in an order that the seed alone decides where it is not negative.
std::vector<size_t> image_order(size_t count, int64_t seed) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (seed >= 0) data::ExactRandom(static_cast<uint64_t>(seed)).shuffle(order);
  return order;
}

}  // namespace

void Batch::set_tokens(const std::vector<std::span<const int64_t>>& all) {
  const auto count = static_cast<int64_t>(all.size());
  size_t longest = 1;
  for (const auto& ids : all) longest = std::max(longest, ids.size());
  tokens = torch::full({count, static_cast<int64_t>(longest)}, text::kPaddingId, torch::kInt64);  // (Q, T)
  token_lengths = torch::empty({count}, torch::kInt64);
  auto* row = tokens.data_ptr<int64_t>();
  auto* length = token_lengths.data_ptr<int64_t>();
  for (const auto& ids : all) {
    std::copy(ids.begin(), ids.end(), row);
    *length++ = static_cast<int64_t>(ids.size());
    row += longest;
  }
}

Batch Batch::to(torch::Device device) const {
  Batch batch = *this;
  batch.images = moved(images, device);
  batch.grid = moved(grid, device);
  batch.image_index = moved(image_index, device);
  batch.tokens = moved(tokens, device);
  batch.question_features = moved(question_features, device);
  batch.targets = {moved(targets.rows, device), moved(targets.answers, device), moved(targets.scores, device)};
  return batch;
}

std::vector<BatchPlan> plan_batches(const data::Split& split, int64_t batch_size, int64_t seed) {
  std::vector<BatchPlan> plans;
  const auto capacity = static_cast<size_t>(batch_size);
  for (const size_t image : image_order(split.images().size(), seed)) {
    const std::vector<size_t>& questions = split.images()[image].questions;
    for (size_t begin = 0; begin < questions.size(); begin += capacity) {
      const size_t end = std::min(begin + capacity, questions.size());
      if (plans.empty() || plans.back().questions.size() + (end - begin) > capacity) plans.push_back({.seed = seed});
      BatchPlan& plan = plans.back();
      plan.image_index.insert(plan.image_index.end(), end - begin, static_cast<int64_t>(plan.images.size()));
      plan.images.push_back(image);
      plan.questions.insert(plan.questions.end(), questions.begin() + static_cast<std::ptrdiff_t>(begin),
                            questions.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
  return plans;
}

}  // namespace vqa
