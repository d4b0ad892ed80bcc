// The training objectives, and what logits mean under each.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "vqa/batch.h"

namespace vqa {

/// An objective. `logits` (Q, A); targets stay sparse.
struct Loss {
  std::string name;
  std::string help;
  /// Summed over the questions; a scalar.
  torch::Tensor (*of)(const torch::Tensor& logits, const SparseTargets& targets);
  /// (Q, A): the model's estimate that an answer is right.
  torch::Tensor (*probabilities)(const torch::Tensor& logits);
};

/// binary: cross-entropy of each answer for itself against its soft target, summed over answers (Teney et al. 2018,
/// "Tips and Tricks for Visual Question Answering", eq. 1): the sum of softplus(logit) - target * logit. Probabilities
/// are sigmoids: several answers can be right.
///
/// softmax: cross-entropy of one distribution over answers against the soft targets divided by their sum; a question
/// without a target counts nothing. Probabilities add up to one.
const std::vector<Loss>& losses();

/// Throws std::invalid_argument that lists them for another name.
const Loss& find_loss(const std::string& name);

}  // namespace vqa
