// What holds for every attention kind, as self- and as cross-attention.
#include <gtest/gtest.h>

#include "data/settings.h"
#include "fusion/attention.h"
#include "tests/fusion/compare.h"
#include "tests/fusion/gradient_check.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 8, kDp = 3, kBatch = 3;

/// A kind whose outputs depend on where in the sequence something stands.
bool knows_positions(const std::string& kind) { return kind == "linformer"; }

class AttentionKindsTest : public testing::TestWithParam<std::string> {
 protected:
  /// A layer in float64, its biases and norms other than the zeros and ones they begin with.
  static std::shared_ptr<AttentionImpl> layer(double dropout = 0) {
    torch::manual_seed(8);
    auto attention = make_attention({.kind = GetParam(),
                                     .dim = kDim,
                                     .heads = 2,
                                     .d_p = kDp,
                                     .d_in = 4,
                                     .linformer_k = 3,
                                     .max_length = 12,
                                     .dropout = dropout});
    attention->to(torch::kFloat64);
    const torch::NoGradGuard no_grad;
    for (auto& parameter : attention->parameters()) parameter.add_(0.2 * torch::randn_like(parameter));
    attention->eval();
    return attention;
  }

  static torch::Tensor random(at::IntArrayRef sizes) { return torch::randn(sizes, torch::kFloat64); }
  static torch::Tensor state(int64_t batch = kBatch) {
    return attention_kind(GetParam()).has_state ? random({batch, kDp, kDim}) : torch::Tensor();
  }
  static torch::Tensor ints(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }
};

INSTANTIATE_TEST_SUITE_P(Kinds, AttentionKindsTest, testing::ValuesIn(data::names_of(attention_kinds())),
                         [](const auto& kind) {
                           std::string name = kind.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(AttentionKindsTest, AppendedPaddingChangesNothing) {
  const torch::NoGradGuard no_grad;
  const auto attention = layer();
  const torch::Tensor x = random({1, 7, kDim}), y = random({1, 4, kDim}), z = state(1);
  const auto longer = [](const torch::Tensor& t) {
    return Sequence::padded(torch::cat({t, 100 * random({1, 5, kDim})}, 1), ints({t.size(1)}));
  };
  const AttentionOutput alone = attention->self({x, {}}, z), padded = attention->self(longer(x), z);
  EXPECT_LT(relative_difference(padded.features.narrow(1, 0, 7), alone.features), 1e-12);
  if (alone.state.defined()) {
    EXPECT_LT(relative_difference(padded.state, alone.state), 1e-12);
  }
  const torch::Tensor cross = attention->cross({x, {}}, {y, {}}, z).features;
  EXPECT_LT(relative_difference(attention->cross(longer(x), longer(y), z).features.narrow(1, 0, 7), cross), 1e-12);
}

// A kind that knows positions does not follow one.
TEST_P(AttentionKindsTest, FollowsAPermutationOfItsInput) {
  const auto expect_same = [](const torch::Tensor& one, const torch::Tensor& other) {
    if (knows_positions(GetParam())) {
      EXPECT_GT(relative_difference(one, other), 1e-3);
    } else {
      EXPECT_LT(relative_difference(one, other), 1e-12);
    }
  };
  const torch::NoGradGuard no_grad;
  const auto attention = layer();
  const torch::Tensor x = random({2, 9, kDim}), y = random({2, 6, kDim}), z = state(2), order = torch::randperm(9);
  const AttentionOutput straight = attention->self({x, {}}, z);
  const AttentionOutput permuted = attention->self({x.index_select(1, order), {}}, z);
  expect_same(permuted.features, straight.features.index_select(1, order));
  if (straight.state.defined()) {
    EXPECT_LT(relative_difference(permuted.state, straight.state), 1e-12);
  }
  const torch::Tensor cross = attention->cross({x, {}}, {y, {}}, z).features;
  const torch::Tensor turned = attention->cross({x, {}}, {y.flip(1), {}}, z).features;
  expect_same(turned, cross);
}

TEST_P(AttentionKindsTest, IsFiniteWhereARowIsAllPadding) {
  const auto attention = layer();
  const torch::Tensor x = random({2, 4, kDim}).requires_grad_(), y = random({2, 5, kDim}).requires_grad_();
  const Sequence queries = Sequence::padded(x, ints({0, 4})), keys = Sequence::padded(y, ints({0, 3}));
  const torch::Tensor z = state(2);
  const torch::Tensor self = attention->self(queries, z).features, cross = attention->cross(queries, keys, z).features;
  EXPECT_TRUE(torch::isfinite(self).all().item<bool>());
  EXPECT_TRUE(torch::isfinite(cross).all().item<bool>());
  (self.sum() + cross.square().sum()).backward();
  EXPECT_TRUE(torch::isfinite(x.grad()).all().item<bool>());
  for (const auto& parameter : attention->parameters())
    EXPECT_TRUE(torch::isfinite(parameter.grad()).all().item<bool>());
}

TEST_P(AttentionKindsTest, TakesAnEmptyBatch) {
  const auto attention = layer(0.5);
  attention->train();
  for (const auto type : {torch::kFloat64, torch::kFloat32}) {  // float32 has kernels of its own
    attention->to(type);
    const Sequence x{random({0, 4, kDim}).to(type), {}}, y{random({0, 6, kDim}).to(type), {}};
    const torch::Tensor z = state(1).defined() ? state(0).to(type) : torch::Tensor();
    const torch::Tensor self = attention->self(x, z).features, cross = attention->cross(x, y, z).features;
    EXPECT_EQ(self.sizes(), (std::vector<int64_t>{0, 4, kDim}));
    EXPECT_EQ(cross.sizes(), (std::vector<int64_t>{0, 4, kDim}));
    EXPECT_NO_THROW((self.sum() + cross.sum()).backward());
  }
}

TEST_P(AttentionKindsTest, GradientsEqualFiniteDifferences) {
  for (const bool is_cross : {false, true}) {
    const auto attention = layer();
    const torch::Tensor x = random({kBatch, 5, kDim}).requires_grad_(), y = random({kBatch, 4, kDim}).requires_grad_();
    const torch::Tensor z = state(), weights = random({kBatch, 5, kDim}), state_weights = random({kBatch, kDp, kDim});
    const auto loss = [&] {
      const Sequence queries = Sequence::padded(x, ints({5, 2, 4})), keys = Sequence::padded(y, ints({1, 4, 3}));
      const AttentionOutput out = is_cross ? attention->cross(queries, keys, z) : attention->self(queries, z);
      const torch::Tensor sum = (out.features * weights).sum();
      return out.state.defined() ? sum + (out.state * state_weights).sum() : sum;
    };
    std::vector<torch::Tensor> leaves = attention->parameters();
    leaves.push_back(x);
    if (is_cross) leaves.push_back(y);
    if (z.defined()) leaves.push_back(z.requires_grad_());
    expect_gradients(loss, leaves);
  }
}

TEST_P(AttentionKindsTest, DropsInTrainingAlone) {
  const torch::NoGradGuard no_grad;
  const auto attention = layer(0.5);
  const Sequence x{random({2, 6, kDim}), {}};
  const torch::Tensor z = state(2), once = attention->self(x, z).features;
  EXPECT_TRUE(torch::equal(attention->self(x, z).features, once));
  attention->train();
  EXPECT_FALSE(torch::allclose(attention->self(x, z).features, attention->self(x, z).features));
}

}  // namespace
}  // namespace fusion
