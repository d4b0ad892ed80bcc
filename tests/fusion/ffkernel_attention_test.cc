#include "fusion/ffkernel_attention.h"

#include <gtest/gtest.h>

#include "data/settings.h"
#include "tests/fusion/compare.h"
#include "tests/fusion/head_by_head.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 32, kHeads = 4;

FfkernelAttention layer(const std::string& kernel, int64_t depth) {
  torch::manual_seed(10);
  FfkernelAttention attention(
      AttentionOptions{.kind = "ffkernel", .dim = kDim, .heads = kHeads, .kernel = kernel, .kernel_depth = depth});
  attention->eval();
  return attention;
}

/// phi of head `i` for rows x (n, d_h), layer by layer.
torch::Tensor phi(const Parameters& p, int64_t i, torch::Tensor x) {
  for (int64_t layer = 0; p.contains("kernel.weight" + std::to_string(layer)); ++layer) {
    const std::string at = std::to_string(layer);
    torch::Tensor y = x.matmul(p["kernel.weight" + at][i]);
    if (!p.contains("kernel.weight" + std::to_string(layer + 1))) y = (1 + y.exp()).log();
    if (p.contains("kernel.gate" + at)) {
      torch::Tensor gate = x.matmul(p["kernel.gate" + at][i]);
      if (p.contains("kernel.gate_out" + at)) gate = gate.matmul(p["kernel.gate_out" + at][i]);
      y = y * gate.sigmoid();
    }
    x = y;
  }
  return x;
}

/// One sample, head by head, with the n x m matrix that the kind never forms. x (n, D), y (m, D).
torch::Tensor explicit_attention(FfkernelAttention& attention, const torch::Tensor& x, const torch::Tensor& y) {
  const Parameters p = attention->named_parameters();
  return head_by_head(p, {x, y}, kHeads,
                      [&](int64_t i, const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& v) {
                        const torch::Tensor q = phi(p, i, queries), k = phi(p, i, keys);
                        EXPECT_GT(q.min().item<double>(), 0);
                        const torch::Tensor matrix = q.matmul(k.t());     // (n, m)
                        return (matrix / matrix.sum(1, true)).matmul(v);  // rows that sum to one
                      });
}

TEST(FfkernelAttention, EqualsTheMatrixItNeverForms) {
  const torch::NoGradGuard no_grad;
  for (const std::string& kernel : data::names_of(feature_kernel_forms())) {
    for (const int64_t depth : {1, 3}) {
      // A linear kernel of several layers may have inner layers of any sign; its last is softplus all the same.
      FfkernelAttention attention = layer(kernel, depth);
      const torch::Tensor x = torch::randn({2, 7, kDim}), y = torch::randn({2, 9, kDim});
      const torch::Tensor self = attention->self({x, {}}, {}).features;
      const torch::Tensor cross =
          attention->cross({x, {}}, Sequence::padded(y, torch::tensor({9, 4}, torch::kInt64)), {}).features;
      EXPECT_LT(relative_difference(self[0], explicit_attention(attention, x[0], x[0])), 2e-5) << kernel << depth;
      EXPECT_LT(relative_difference(cross[0], explicit_attention(attention, x[0], y[0])), 2e-5) << kernel << depth;
      EXPECT_LT(relative_difference(cross[1], explicit_attention(attention, x[1], y[1].narrow(0, 0, 4))), 2e-5)
          << kernel << depth;
    }
  }
}

/// What a network of `blocks` layers has more than one of softmax attention.
int64_t increment(const AttentionOptions& options, int64_t blocks) {
  const auto count = [](AttentionOptions o, const std::string& kind) {
    o.kind = kind;
    int64_t sum = 0;
    for (const auto& parameter : make_attention(o)->parameters()) sum += parameter.numel();
    return sum;
  };
  return blocks * (count(options, "ffkernel") - count(options, "vanilla"));
}

// Differences of the parameter counts that the author's notebooks print.
TEST(FfkernelAttention, AddsThePublishedNumberOfParameters) {
  const AttentionOptions list_ops{.dim = 512, .heads = 8}, matching{.dim = 128, .heads = 8},
      news{.dim = 768, .heads = 12};
  const auto with = [](AttentionOptions options, const std::string& kernel, int64_t depth) {
    options.kernel = kernel;
    options.kernel_depth = depth;
    return options;
  };
  EXPECT_EQ(increment(with(list_ops, "glu", 1), 6), 21'412'874 - 21'019'658);
  EXPECT_EQ(increment(with(list_ops, "glu", 2), 6), 21'806'090 - 21'019'658);
  EXPECT_EQ(increment(with(list_ops, "low-rank-glu", 3), 6), 21'904'394 - 21'019'658);
  EXPECT_EQ(increment(with(matching, "glu", 1), 4), 1'617'922 - 1'601'538);
  EXPECT_EQ(increment(with(matching, "glu", 2), 4), 1'634'306 - 1'601'538);
  EXPECT_EQ(increment(with(matching, "low-rank-glu", 3), 4), 1'638'402 - 1'601'538);
  EXPECT_EQ(increment(with(news, "glu", 2), 12), 110'671'108 - 108'311'812);
  EXPECT_EQ(increment(with(news, "glu", 1), 12), 109'491'460 - 108'311'812);
  EXPECT_EQ(increment(with(news, "linear", 1), 12), 12 * 12 * 64 * 64);
}

TEST(FeatureKernel, StartsOrthogonalAndSaysHowFarItIsFromThat) {
  FfkernelAttention attention = layer("glu", 2);
  EXPECT_LT(attention->penalty().item<double>(), 1e-10);
  const torch::NoGradGuard no_grad;
  // W = 2 Q of one of two layers: W W^T - I = 3 I, of which one entry in d_h is not zero; twice, for queries and keys.
  attention->named_parameters()["kernel.weight1"].mul_(2);
  EXPECT_NEAR(attention->penalty().item<double>(), 2 * 9.0 / (kDim / kHeads), 1e-5);
}

TEST(FeatureKernel, ThePenaltyPullsTheWeightsBack) {
  FfkernelAttention attention = layer("linear", 1);
  torch::Tensor weight = attention->named_parameters()["kernel.weight0"];
  weight.data().add_(0.1 * torch::randn_like(weight));
  const double before = attention->penalty().item<double>();
  attention->penalty().backward();
  weight.data().sub_(0.1 * weight.grad());
  EXPECT_LT(attention->penalty().item<double>(), before);
}

TEST(FfkernelAttention, SumsInFloat32WhereTheRestHasFewerDigits) {
  const torch::NoGradGuard no_grad;
  FfkernelAttention attention = layer("glu", 1);
  const torch::Tensor x = torch::randn({1, 3000, kDim});
  const torch::Tensor exact = attention->self({x, {}}, {}).features;
  attention->to(torch::kBFloat16);
  const torch::Tensor coarse = attention->self({x.to(torch::kBFloat16), {}}, {}).features;
  EXPECT_EQ(coarse.scalar_type(), torch::kBFloat16);
  EXPECT_LT(relative_difference(coarse.to(torch::kFloat32), exact), 0.03);
}

}  // namespace
}  // namespace fusion
