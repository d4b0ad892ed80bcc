#include "fusion/attention_pool.h"

#include <gtest/gtest.h>

namespace fusion {
namespace {

TEST(AttentionPool, WeighsRealPositionsAlone) {
  AttentionPool pool(AttentionPoolOptions{.dim = 8, .hidden_dim = 4, .out_dim = 6});
  pool->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::randn({2, 5, 8});
  const Pooled padded = pool(Sequence::padded(x, torch::tensor({5, 3}, torch::kInt64)));
  EXPECT_TRUE(torch::allclose(padded.weights.sum(1), torch::ones({2})));
  EXPECT_EQ(padded.weights[1].narrow(0, 3, 2).abs().max().item<float>(), 0);
  const Pooled alone = pool(Sequence{x.narrow(0, 1, 1).narrow(1, 0, 3), {}});
  EXPECT_TRUE(torch::allclose(padded.features[1], alone.features[0], 1e-5, 1e-6));
  EXPECT_EQ(padded.features.sizes(), (std::vector<int64_t>{2, 6}));
}

}  // namespace
}  // namespace fusion
