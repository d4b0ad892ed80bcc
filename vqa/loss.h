// The training objective.
#pragma once

#include <torch/torch.h>

#include "vqa/batch.h"

namespace vqa {

/// Binary cross-entropy with logits against soft targets, summed over answers and questions (Teney et al. 2018, "Tips
/// and Tricks for Visual Question Answering", eq. 1): the sum of softplus(logit) - target * logit. `logits` (Q, A); the
/// targets stay sparse. Returns a scalar.
torch::Tensor soft_target_loss(const torch::Tensor& logits, const SparseTargets& targets);

}  // namespace vqa
