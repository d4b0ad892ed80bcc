// Dropout whose mask is a hash, not a stream.
#pragma once

#include <torch/torch.h>

#include "fusion/dropout_mask.h"

namespace fusion {

/// Zeroes each element with probability `p` and scales the others by 1 / (1 - p) (Srivastava et al. 2014), where
/// `training` is true; the identity elsewhere. Throws std::invalid_argument for p outside [0, 1).
///
/// On a CPU in float32 the mask is a hash of the element's index and one number drawn from the default generator. It is
/// computed again for the gradient instead of being kept, vectorises, and does not depend on the number of threads;
/// LibTorch's own mask comes element by element from one sequential generator and costs more than the layers it serves
/// in a small model. Elsewhere this is torch::dropout.
torch::Tensor hashed_dropout(const torch::Tensor& x, double p, bool training);

/// One number from the default generator: what makes one mask different from the next (see fusion/dropout_mask.h).
uint32_t draw_dropout_seed();

/// The mask of one call: with a seed drawn for it, or, where `p` is 0, one that keeps everything and draws nothing.
/// Throws std::invalid_argument for p outside [0, 1).
DropoutMask draw_dropout_mask(double p);

/// Keeps a mask for a backward pass, and gives it back there.
void save_mask(torch::autograd::AutogradContext& context, const DropoutMask& mask);
DropoutMask saved_mask(const torch::autograd::AutogradContext& context);

}  // namespace fusion
