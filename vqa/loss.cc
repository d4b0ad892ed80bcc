#include "vqa/loss.h"

namespace vqa {

torch::Tensor soft_target_loss(const torch::Tensor& logits, const SparseTargets& targets) {
  const torch::Tensor named = logits.index({targets.rows, targets.answers});  // (S)
  return torch::softplus(logits).sum() - torch::dot(named, targets.scores);
}

}  // namespace vqa
