#include "fusion/linformer_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/fusion/compare.h"
#include "tests/fusion/head_by_head.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 32, kHeads = 4, kK = 3, kMaxLength = 40;

LinformerAttention layer(const std::string& sharing) {
  torch::manual_seed(6);
  LinformerAttention attention(AttentionOptions{.kind = "linformer",
                                                .dim = kDim,
                                                .heads = kHeads,
                                                .linformer_k = kK,
                                                .max_length = kMaxLength,
                                                .linformer_sharing = sharing});
  attention->eval();
  return attention;
}

/// The formula of linformer_attention.h for one sample, head by head. x (n, D), y (m, D).
torch::Tensor literal(LinformerAttention& attention, const torch::Tensor& x, const torch::Tensor& y) {
  const Parameters p = attention->named_parameters();
  const auto map = [&](const std::string& name, int64_t head) {
    const torch::Tensor& maps = p.contains(name) ? p[name] : p["key_map"];
    return maps[maps.size(0) == 1 ? 0 : head].narrow(1, 0, y.size(0));  // (k, m)
  };
  return head_by_head(p, {x, y}, kHeads,
                      [&](int64_t i, const torch::Tensor& q, const torch::Tensor& keys, const torch::Tensor& values) {
                        const torch::Tensor k = map("key_map", i).matmul(keys), v = map("value_map", i).matmul(values);
                        const torch::Tensor scores = q.matmul(k.t()) / std::sqrt(static_cast<double>(kDim / kHeads));
                        return scores.softmax(-1).matmul(v);
                      });
}

TEST(LinformerAttention, EqualsTheFormulaForEverySharingAndEitherOrderOfProducts) {
  const torch::NoGradGuard no_grad;
  for (const std::string& sharing : linformer_sharings()) {
    LinformerAttention attention = layer(sharing);
    for (const int64_t n : {8, 40}) {
      const torch::Tensor x = torch::randn({2, n, kDim}), y = torch::randn({2, 13, kDim});
      const torch::Tensor self = attention->self({x, {}}, {}).features;
      const Sequence keys = Sequence::padded(y, torch::tensor({13, 5}, torch::kInt64));
      const torch::Tensor cross = attention->cross({x, {}}, keys, {}).features;
      EXPECT_LT(relative_difference(self[1], literal(attention, x[1], x[1])), 1e-5) << sharing << n;
      EXPECT_LT(relative_difference(cross[0], literal(attention, x[0], y[0])), 1e-5) << sharing << n;
      EXPECT_LT(relative_difference(cross[1], literal(attention, x[1], y[1].narrow(0, 0, 5))), 1e-5) << sharing << n;
    }
  }
}

int64_t parameters(const std::string& sharing) {
  int64_t count = 0;
  for (const auto& parameter : layer(sharing)->parameters()) count += parameter.numel();
  return count;
}

TEST(LinformerAttention, HasAsManyParametersAsItsMapsAndSoftmaxAttentionHave) {
  constexpr int64_t kVanilla = 4 * (kDim * kDim + kDim), kMap = kK * kMaxLength;
  EXPECT_EQ(parameters("key-value"), kVanilla + kMap);
  EXPECT_EQ(parameters("headwise"), kVanilla + 2 * kMap);
  EXPECT_EQ(parameters("none"), kVanilla + 2 * kHeads * kMap);
}

TEST(LinformerAttention, RefusesMorePositionsThanItWasBuiltFor) {
  LinformerAttention attention = layer("key-value");
  const Sequence few{torch::randn({1, 4, kDim}), {}}, many{torch::randn({1, kMaxLength + 1, kDim}), {}};
  EXPECT_NO_THROW(attention->cross(many, few, {}));
  try {
    attention->cross(few, many, {});
    FAIL() << "was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(
        error.what(),
        "linformer attention was built for at most 40 positions, this sequence has 41; build it with as great a "
        "max-length (of cells: max-cells)");
  }
}

}  // namespace
}  // namespace fusion
