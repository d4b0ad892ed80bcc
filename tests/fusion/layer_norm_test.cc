#include "fusion/layer_norm.h"

#include <gtest/gtest.h>

#include "tests/fusion/compare.h"

namespace fusion {
namespace {

TEST(LayerNorm, OpenvqaDividesByTheUnbiasedDeviation) {
  LayerNorm norm(LayerNormOptions{.dim = 16, .form = "openvqa"});
  const torch::Tensor x = 3 * torch::randn({4, 5, 16}) + 1;
  const torch::Tensor expected = (x - x.mean(-1, true)) / (x.std(-1, /*unbiased=*/true, /*keepdim=*/true) + 1e-6);
  EXPECT_LT(relative_difference(norm(x), expected), 1e-5);
  EXPECT_TRUE(torch::isfinite(norm(torch::ones({1, 16}))).all().item<bool>());
}

TEST(LayerNorm, StandardIsLibTorchs) {
  LayerNorm norm(LayerNormOptions{.dim = 16});
  const torch::Tensor x = torch::randn({4, 16});
  EXPECT_TRUE(torch::equal(norm(x), torch::nn::LayerNorm(torch::nn::LayerNormOptions({16}))(x)));
}

TEST(LayerNorm, RefusesAnotherForm) { EXPECT_THROW(LayerNorm(LayerNormOptions{.form = "rms"}), std::invalid_argument); }

}  // namespace
}  // namespace fusion
