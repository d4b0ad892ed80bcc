#include "vqa/loss.h"

#include "data/settings.h"

namespace vqa {
namespace {

torch::Tensor binary_loss(const torch::Tensor& logits, const SparseTargets& targets) {
  const torch::Tensor named = logits.index({targets.rows, targets.answers});  // (S)
  return torch::softplus(logits).sum() - torch::dot(named, targets.scores);
}

torch::Tensor softmax_loss(const torch::Tensor& logits, const SparseTargets& targets) {
  const torch::Tensor sums =
      torch::zeros({logits.size(0)}, targets.scores.options()).index_add_(0, targets.rows, targets.scores);  // (Q)
  const torch::Tensor shares = targets.scores / sums.index_select(0, targets.rows);                          // (S)
  const torch::Tensor named = logits.index({targets.rows, targets.answers});                                 // (S)
  return torch::dot(torch::logsumexp(logits, 1), sums.gt(0).to(logits.dtype())) - torch::dot(named, shares);
}

torch::Tensor softmax(const torch::Tensor& logits) { return torch::softmax(logits, 1); }

}  // namespace

const std::vector<Loss>& losses() {
  static const std::vector<Loss> all{
      {"binary", "each answer for itself", binary_loss, torch::sigmoid},
      {"softmax", "one of all answers", softmax_loss, softmax},
  };
  return all;
}

const Loss& find_loss(const std::string& name) { return data::find_named("loss", name, losses()); }

}  // namespace vqa
