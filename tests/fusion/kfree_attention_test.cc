#include "fusion/kfree_attention.h"

#include <gtest/gtest.h>

#include "tests/fusion/compare.h"
#include "tests/fusion/head_by_head.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 32, kHeads = 4;

KfreeAttention layer() {
  torch::manual_seed(7);
  KfreeAttention attention(AttentionOptions{.kind = "linformer-kfree", .dim = kDim, .heads = kHeads});
  attention->eval();
  return attention;
}

/// One sample, head by head, with the n x m matrix that the kind never forms. x (n, D), y (m, D).
torch::Tensor explicit_attention(KfreeAttention& attention, const torch::Tensor& x, const torch::Tensor& y) {
  return head_by_head(attention->named_parameters(), {x, y}, kHeads,
                      [](int64_t, const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v) {
                        const torch::Tensor matrix = q.softmax(1).matmul(k.softmax(0).t());  // (n, m)
                        EXPECT_TRUE(torch::allclose(matrix.sum(1), torch::ones({q.size(0)})));
                        return matrix.matmul(v);
                      });
}

TEST(KfreeAttention, EqualsTheMatrixItNeverForms) {
  const torch::NoGradGuard no_grad;
  KfreeAttention attention = layer();
  for (const int64_t n : {7, 50}) {  // in either order of the last products
    const torch::Tensor x = torch::randn({2, n, kDim}), y = torch::randn({2, 9, kDim});
    const torch::Tensor self = attention->self({x, {}}, {}).features;
    const torch::Tensor cross =
        attention->cross({x, {}}, Sequence::padded(y, torch::tensor({9, 4}, torch::kInt64)), {}).features;
    EXPECT_LT(relative_difference(self[0], explicit_attention(attention, x[0], x[0])), 1e-5);
    EXPECT_LT(relative_difference(cross[0], explicit_attention(attention, x[0], y[0])), 1e-5);
    EXPECT_LT(relative_difference(cross[1], explicit_attention(attention, x[1], y[1].narrow(0, 0, 4))), 1e-5);
  }
}

TEST(KfreeAttention, HasNoParameterOfALengthToCompressTo) {
  int64_t count = 0;
  const AttentionOptions options{.kind = "linformer-kfree", .dim = kDim, .heads = kHeads, .linformer_k = 77};
  for (const auto& parameter : make_attention(options)->parameters()) count += parameter.numel();
  EXPECT_EQ(count, 4 * (kDim * kDim + kDim));
}

}  // namespace
}  // namespace fusion
