#include "text/packed_attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>

#include "tests/data/error_of.h"

using text::PackedQuestions;

namespace {

torch::Tensor whole(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

/// Each question on its own, head by head.
torch::Tensor composed(const torch::Tensor& qkv, const PackedQuestions& questions, int64_t heads) {
  std::vector<torch::Tensor> rows;
  for (int64_t q = 0; q < questions.count(); ++q) {
    const auto parts = qkv.narrow(0, questions.begin(q), questions.length(q)).chunk(3, 1);
    std::vector<torch::Tensor> columns;
    for (int64_t head = 0; head < heads; ++head) {
      const auto of = [&](size_t part) { return parts[part].chunk(heads, 1)[static_cast<size_t>(head)]; };
      const double scale = 1 / std::sqrt(static_cast<double>(of(0).size(1)));
      columns.push_back((of(0).matmul(of(1).t()) * scale).softmax(1).matmul(of(2)));
    }
    rows.push_back(torch::cat(columns, 1));
  }
  return torch::cat(rows);
}

/// The width of a head, and a factor that makes scores tame or wild.
class Attention : public testing::TestWithParam<std::tuple<int64_t, double>> {};

TEST_P(Attention, AndItsGradientAreThoseOfTheFormula) {
  const auto [dim, factor] = GetParam();
  torch::manual_seed(1);
  const PackedQuestions questions(whole({3, 1, 17, 8, 10, 40}), 40);
  for (const at::ScalarType type :
       {torch::kFloat32, torch::kFloat64}) {  // our kernel, LibTorch's over padded questions
    const torch::Tensor numbers = torch::randn({questions.rows(), 3 * 3 * dim}, torch::kFloat64) * factor;
    const torch::Tensor weight = torch::randn({questions.rows(), 3 * dim}, torch::kFloat64);
    const torch::Tensor ours = numbers.clone().to(type).requires_grad_();
    const torch::Tensor theirs = numbers.requires_grad_();
    const torch::Tensor out = text::packed_attention(ours, questions, 3);
    const torch::Tensor expected = composed(theirs, questions, 3);
    EXPECT_LT((out - expected).abs().max().item<double>(), 1e-5 * factor);
    (out * weight.to(type)).sum().backward();
    (expected * weight).sum().backward();
    const double error = (ours.grad() - theirs.grad()).abs().max().item<double>();
    EXPECT_LT(error, 1e-5 * theirs.grad().abs().max().item<double>());
  }
}

INSTANTIATE_TEST_SUITE_P(Heads, Attention,
                         testing::Combine(testing::Values(1, 6, 8, 36, 64), testing::Values(1.0, 3.0)));

TEST(PackedAttentionTest, TakesStridedGradients) {
  torch::manual_seed(2);
  const PackedQuestions questions(whole({3, 5}), 5);
  const torch::Tensor wide = torch::randn({8, 48});
  const torch::Tensor strided = wide.slice(1, 0, 24).detach().requires_grad_();
  const torch::Tensor plain = wide.slice(1, 0, 24).clone().requires_grad_();
  text::packed_attention(strided, questions, 2).sum().backward();  // a gradient that is one number expanded
  composed(plain, questions, 2).sum().backward();
  EXPECT_LT((strided.grad() - plain.grad()).abs().max().item<double>(), 1e-5);
}

TEST(PackedQuestionsTest, KnowsWhereTokensStand) {
  const PackedQuestions questions(whole({2, 1, 3}), 4);
  EXPECT_EQ(questions.count(), 3);
  EXPECT_EQ(questions.rows(), 6);
  EXPECT_EQ(questions.length(2), 3);
  EXPECT_TRUE(torch::equal(questions.cells(), whole({0, 1, 4, 8, 9, 10})));
  EXPECT_TRUE(torch::equal(questions.positions(), whole({0, 1, 0, 0, 1, 2})));
  const torch::Tensor padded = torch::arange(12).view({3, 4});
  EXPECT_TRUE(torch::equal(text::pack(padded, questions), whole({0, 1, 4, 8, 9, 10})));
  EXPECT_TRUE(torch::equal(text::unpack(whole({7, 6, 5, 4, 3, 2}), questions),
                           torch::tensor({{7, 6, 0, 0}, {5, 0, 0, 0}, {4, 3, 2, 0}}, torch::kInt64)));
}

TEST(PackedQuestionsTest, RefusesLengthsThatThePaddingHasNoRoomFor) {
  for (const int64_t length : {int64_t{0}, int64_t{5}, int64_t{-1}}) {
    const std::string message = error_of<std::invalid_argument>([&] { PackedQuestions(whole({2, length}), 4); });
    EXPECT_EQ(message, "lengths: " + std::to_string(length) + "; allowed is 1 to 4");
  }
}

}  // namespace
