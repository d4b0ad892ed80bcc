#include "fusion/sequence.h"

#include <gtest/gtest.h>

namespace fusion {
namespace {

TEST(Sequence, MarksWhatLiesPastALength) {
  const Sequence x = Sequence::padded(torch::zeros({3, 4, 2}), torch::tensor({4, 0, 2}, torch::kInt64));
  const torch::Tensor expected = torch::tensor({{0, 0, 0, 0}, {1, 1, 1, 1}, {0, 0, 1, 1}}).to(torch::kBool);
  EXPECT_TRUE(torch::equal(x.padding, expected));
}

TEST(Sequence, HasNoPaddingWhereAllRowsAreFull) {
  EXPECT_FALSE(Sequence::padded(torch::zeros({2, 4, 2}), torch::tensor({4, 4}, torch::kInt64)).padding.defined());
  EXPECT_FALSE(Sequence::padded(torch::zeros({2, 4, 2}), {}).padding.defined());
}

TEST(Sequence, RefusesLengthsItDoesNotHave) {
  EXPECT_THROW(Sequence::padded(torch::zeros({1, 4, 2}), torch::tensor({5}, torch::kInt64)), std::invalid_argument);
  EXPECT_THROW(Sequence::padded(torch::zeros({1, 4, 2}), torch::tensor({-1}, torch::kInt64)), std::invalid_argument);
}

TEST(Sequence, RowsRepeatFeaturesAndPadding) {
  const Sequence x = Sequence::padded(torch::arange(4).view({2, 2, 1}), torch::tensor({2, 1}, torch::kInt64));
  const Sequence rows = x.rows(torch::tensor({1, 0, 1}, torch::kInt64));
  EXPECT_TRUE(torch::equal(rows.features[0], x.features[1]));
  EXPECT_TRUE(torch::equal(rows.padding[2], x.padding[1]));
}

// bfloat16 has no such number as float's lowest: any attention to padded keys ended there.
TEST(MaskScores, TakesEveryFloatingType) {
  const torch::Tensor padding = torch::tensor({{false, true, true}});
  for (const at::ScalarType type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16}) {
    const torch::Tensor weights = mask_scores(torch::ones({1, 3}, type), padding).softmax(-1);
    EXPECT_TRUE(torch::equal(weights, torch::tensor({{1, 0, 0}}).to(type))) << type;
  }
}

TEST(MaskScores, GivesPaddingNothingAndAFullyPaddedRowEqualWeights) {
  const torch::Tensor padding = torch::tensor({{0, 0, 1}, {1, 1, 1}}).to(torch::kBool);
  const torch::Tensor weights = mask_scores(torch::randn({2, 3}), padding).softmax(-1);
  EXPECT_EQ(weights[0][2].item<float>(), 0);
  EXPECT_TRUE(torch::allclose(weights[1], torch::full({3}, 1.0 / 3)));
}

}  // namespace
}  // namespace fusion
