// compress_rows and restore_rows against their definitions.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "fusion/compress_rows.h"
#include "fusion/restore_rows.h"
#include "fusion/row_blocks.h"
#include "tests/fusion/compare.h"
#include "tests/fusion/gradient_check.h"

namespace fusion {
namespace {

using torch::Tensor;

constexpr int64_t kHeads = 3, kSlots = 5, kR = 2, kM = kHeads * kSlots, kKeys = kHeads * kR;

struct Sizes {
  int64_t n = 7, dim = 6;
  std::vector<int64_t> lengths{};  // of three samples; empty: all are full
  double dropout = 0;
  at::ScalarType type = torch::kFloat32;
};

constexpr int64_t kSamples = 3;

CompressInputs compress_inputs(const Sizes& s) {
  torch::manual_seed(7);
  const auto options = torch::dtype(s.type);
  CompressInputs inputs{.x = torch::randn({kSamples, s.n, s.dim}, options).requires_grad_(),
                        .queries = torch::randn({kSamples, kHeads, kSlots, kR}, options).requires_grad_(),
                        .weight = torch::randn({kKeys + kM, s.dim}, options).requires_grad_(),
                        .dropout = s.dropout};
  if (!s.lengths.empty()) inputs.lengths = torch::tensor(s.lengths, torch::kInt64);
  return inputs;
}

RestoreInputs restore_inputs(const Sizes& s) {
  torch::manual_seed(8);
  const auto options = torch::dtype(s.type);
  RestoreInputs inputs{.projected = torch::randn({kSamples, s.n, kKeys + kM}, options).requires_grad_(),
                       .bias = torch::randn({kM}, options).requires_grad_(),
                       .slots = torch::randn({kSamples, kHeads, kSlots, s.dim}, options).requires_grad_(),
                       .out_bias = torch::randn({s.dim}, options).requires_grad_(),
                       .dropout = s.dropout};
  if (!s.lengths.empty()) inputs.lengths = torch::tensor(s.lengths, torch::kInt64);
  return inputs;
}

/// A number that every element of a tensor changes, each otherwise.
Tensor weighed(const Tensor& x) { return (x * torch::arange(x.numel(), x.options()).mul(0.37).sin().view_as(x)).sum(); }

Tensor loss(const Compressed& c) { return weighed(c.mixed) + weighed(c.row_sums) + weighed(c.projected); }

/// What one way of computing gives: outputs, then gradients.
std::vector<Tensor> compressed_by(Compressed (*way)(const CompressInputs&), const Sizes& sizes) {
  const CompressInputs inputs = compress_inputs(sizes);
  torch::manual_seed(9);
  const Compressed c = way(inputs);
  std::vector<Tensor> all{c.mixed.detach(), c.row_sums.detach(), c.projected.detach()};
  for (Tensor& g : torch::autograd::grad({loss(c)}, {inputs.x, inputs.queries, inputs.weight})) all.push_back(g);
  return all;
}

std::vector<Tensor> restored_by(Tensor (*way)(const RestoreInputs&), const Sizes& sizes) {
  const RestoreInputs inputs = restore_inputs(sizes);
  torch::manual_seed(9);
  const Tensor out = way(inputs);
  std::vector<Tensor> all{out.detach()};
  for (Tensor& g :
       torch::autograd::grad({weighed(out)}, {inputs.projected, inputs.bias, inputs.slots, inputs.out_bias}))
    all.push_back(g);
  return all;
}

// One row; one block; several blocks, the last of them short; several parts of a sample where there are threads.
const std::vector<Sizes>& cases() {
  static const std::vector<Sizes> all{{.n = 1},
                                      {.n = 7},
                                      {.n = 2 * kBlockRows + 3},
                                      {.n = 9, .lengths = {9, 0, 4}},
                                      {.n = 600, .lengths = {1, 600, 257}},
                                      {.n = 9, .dropout = 0.3},
                                      {.n = 600, .lengths = {599, 3, 300}, .dropout = 0.3}};
  return all;
}

void expect_equal(const std::vector<Tensor>& found, const std::vector<Tensor>& expected, size_t i) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t j = 0; j < found.size(); ++j) {
    // One row has all the weight there is: the gradient of its queries is nothing but rounding.
    const double scale = std::max(1.0, expected[j].abs().max().item<double>());
    EXPECT_LT((found[j] - expected[j]).abs().max().item<double>(), 2e-5 * scale) << "case " << i << ", tensor " << j;
  }
}

TEST(CompressRows, EqualsItsDefinition) {
  for (size_t i = 0; i < cases().size(); ++i)
    expect_equal(compressed_by(compress_rows, cases()[i]), compressed_by(compress_rows_by_definition, cases()[i]), i);
}

TEST(RestoreRows, EqualsItsDefinition) {
  for (size_t i = 0; i < cases().size(); ++i)
    expect_equal(restored_by(restore_rows, cases()[i]), restored_by(restore_rows_by_definition, cases()[i]), i);
}

TEST(CompressRows, GivesTheSameOnOneThreadAndOnEight) {
  const int threads = at::get_num_threads();
  std::vector<Tensor> on_one, on_eight;
  for (const int count : {1, 8}) {
    at::set_num_threads(count);
    std::vector<Tensor>& to = count == 1 ? on_one : on_eight;
    to = compressed_by(compress_rows, cases().back());
    for (const Tensor& each : restored_by(restore_rows, cases().back())) to.push_back(each);
  }
  at::set_num_threads(threads);
  expect_equal(on_eight, on_one, 0);
}

TEST(CompressRows, GradientsAreThoseOfFiniteDifferences) {
  const CompressInputs inputs = compress_inputs({.lengths = {7, 0, 3}, .type = torch::kFloat64});
  expect_gradients([&] { return loss(compress_rows(inputs)); }, {inputs.x, inputs.queries, inputs.weight});
}

TEST(RestoreRows, GradientsAreThoseOfFiniteDifferences) {
  const RestoreInputs inputs = restore_inputs({.lengths = {7, 0, 3}, .type = torch::kFloat64});
  expect_gradients([&] { return weighed(restore_rows(inputs)); },
                   {inputs.projected, inputs.bias, inputs.slots, inputs.out_bias});
}

TEST(CompressRows, GradientsUnderDropoutAreThoseOfTheMaskDrawn) {
  const CompressInputs inputs = compress_inputs({.dropout = 0.4, .type = torch::kFloat64});
  const auto with_one_seed = [&] {
    torch::manual_seed(4);
    return loss(compress_rows(inputs));
  };
  expect_gradients(with_one_seed, {inputs.x, inputs.queries, inputs.weight});
}

TEST(RestoreRows, GradientsUnderDropoutAreThoseOfTheMaskDrawn) {
  const RestoreInputs inputs = restore_inputs({.dropout = 0.4, .type = torch::kFloat64});
  const auto with_one_seed = [&] {
    torch::manual_seed(4);
    return weighed(restore_rows(inputs));
  };
  expect_gradients(with_one_seed, {inputs.projected, inputs.bias, inputs.slots, inputs.out_bias});
}

TEST(CompressRows, DoesNotReadPadding) {
  CompressInputs inputs = compress_inputs({.n = 9, .lengths = {9, 2, 4}});
  const Compressed clean = compress_rows(inputs);
  const torch::NoGradGuard no_grad;
  inputs.x[1].narrow(0, 2, 7).fill_(std::numeric_limits<float>::quiet_NaN());
  const Compressed spoilt = compress_rows(inputs);
  EXPECT_TRUE(torch::equal(clean.mixed, spoilt.mixed));
  EXPECT_TRUE(torch::equal(clean.projected, spoilt.projected));
}

// Scores so far apart that exp of their difference is nothing, block after block in either order.
TEST(CompressRows, StandsGreatScores) {
  CompressInputs inputs = compress_inputs({.n = 3 * kBlockRows});
  const torch::NoGradGuard no_grad;
  inputs.queries.mul_(300);
  const Compressed found = compress_rows(inputs), expected = compress_rows_by_definition(inputs);
  EXPECT_LT(relative_difference(found.mixed, expected.mixed), 1e-5);
  EXPECT_TRUE(torch::isfinite(found.mixed).all().item<bool>());
}

TEST(CompressRows, TakesAnEmptyBatch) {
  const auto options = torch::dtype(torch::kFloat32);
  const Compressed c = compress_rows({.x = torch::zeros({0, 4, 6}, options),
                                      .queries = torch::zeros({0, kHeads, kSlots, kR}, options),
                                      .weight = torch::zeros({kKeys + kM, 6}, options)});
  EXPECT_EQ(c.mixed.sizes(), (std::vector<int64_t>{0, kHeads, kSlots, 6}));
  EXPECT_EQ(c.projected.sizes(), (std::vector<int64_t>{0, 4, kKeys + kM}));
}

}  // namespace
}  // namespace fusion
