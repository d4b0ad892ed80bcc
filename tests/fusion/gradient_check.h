// Gradients against central differences.
#pragma once

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

/// Expects autograd's gradient of the scalar `loss` to equal its central differences in every element of `leaves`, all
/// float64. `loss` must give the same number every time it is called.
inline void expect_gradients(const std::function<torch::Tensor()>& loss, std::vector<torch::Tensor> leaves) {
  constexpr double kStep = 1e-5, kTolerance = 2e-7;
  const auto gradients = torch::autograd::grad({loss()}, leaves, {}, false, false, /*allow_unused=*/true);
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < leaves.size(); ++i) {
    ASSERT_EQ(leaves[i].scalar_type(), torch::kFloat64);
    auto* at = leaves[i].data_ptr<double>();
    const torch::Tensor gradient = gradients[i].defined() ? gradients[i].contiguous() : torch::zeros_like(leaves[i]);
    for (int64_t j = 0; j < leaves[i].numel(); ++j) {
      const double value = at[j];
      at[j] = value + kStep;
      const double above = loss().item<double>();
      at[j] = value - kStep;
      const double below = loss().item<double>();
      at[j] = value;
      const double expected = (above - below) / (2 * kStep), found = gradient.data_ptr<double>()[j];
      ASSERT_NEAR(found, expected, kTolerance * std::max(1.0, std::abs(expected))) << "leaf " << i << ", element " << j;
    }
  }
}
