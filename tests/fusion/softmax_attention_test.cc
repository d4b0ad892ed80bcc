#include "fusion/softmax_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fusion/dropout.h"
#include "fusion/dropout_mask.h"
#include "fusion/head_matmul.h"
#include "tests/fusion/threads.h"

namespace fusion {
namespace {

using torch::Tensor;

constexpr int64_t kHeads = 2, kHeadDim = 5, kDim = kHeads * kHeadDim;

struct Case {
  int64_t samples, queries, keys;
  std::vector<int64_t> lengths;  // of the keys; empty: all are full
  double dropout;
};

// The mask's seed that softmax_attention draws first after torch::manual_seed(kSeed).
constexpr uint64_t kSeed = 6;

uint32_t first_seed() {
  torch::manual_seed(kSeed);
  return draw_dropout_seed();
}

/// From the definition, with the matrix of weights written out and the mask looked up element by element.
Tensor by_definition(const SoftmaxAttentionInputs& inputs) {
  const int64_t samples = inputs.queries.size(0), queries = inputs.queries.size(2), keys = inputs.keys.size(2);
  const DropoutMask mask = DropoutMask::of(inputs.dropout > 0 ? first_seed() : 0, inputs.dropout);
  std::vector<Tensor> all;
  for (int64_t i = 0; i < samples * kHeads; ++i) {
    const int64_t b = i / kHeads, head = i % kHeads;
    const int64_t length = inputs.key_lengths.defined() ? inputs.key_lengths[b].item<int64_t>() : keys;
    const Tensor k = inputs.keys[b][head].narrow(0, 0, length), v = inputs.values[b][head].narrow(0, 0, length);
    const Tensor weights = (inputs.queries[b][head].matmul(k.t()) / std::sqrt(double{kHeadDim})).softmax(1);
    all.push_back(weights);
    if (inputs.dropout == 0) {
      all.back() = weights.matmul(v);
      continue;
    }
    const Tensor kept = torch::empty({queries, length});
    // Where blocks of queries begin does not matter as long as no key is padded or one block holds all.
    for (int64_t e = 0; e < queries * length; ++e)
      kept.data_ptr<float>()[e] = mask.factor(static_cast<uint32_t>(i * queries * keys + e));
    all.back() = (weights * kept).matmul(v);
  }
  return torch::stack(all).unflatten(0, {samples, kHeads});
}

/// Output and gradients of queries, keys and values that are views into (B, T, D), as a layer's are.
std::vector<Tensor> pass(Tensor (*way)(const SoftmaxAttentionInputs&), const Case& c) {
  torch::manual_seed(5);
  const Tensor q = torch::randn({c.samples, c.queries, kDim}).requires_grad_();
  const Tensor k = torch::randn({c.samples, c.keys, kDim}).requires_grad_();
  const Tensor v = torch::randn({c.samples, c.keys, kDim}).requires_grad_();
  SoftmaxAttentionInputs inputs{.queries = split_heads(q, kHeads),
                                .keys = split_heads(k, kHeads),
                                .values = split_heads(v, kHeads),
                                .dropout = c.dropout};
  if (!c.lengths.empty()) inputs.key_lengths = torch::tensor(c.lengths, torch::kInt64);
  torch::manual_seed(kSeed);
  const Tensor out = way(inputs);
  std::vector<Tensor> all{out.detach()};
  const Tensor loss = (out * torch::arange(out.numel()).sin().view_as(out)).sum();
  for (const Tensor& g : torch::autograd::grad({loss}, {q, k, v})) all.push_back(g);
  return all;
}

TEST(SoftmaxAttention, EqualsTheWrittenOutMatrixAndItsGradients) {
  const std::vector<Case> cases{{1, 1, 1, {}, 0},       {2, 7, 5, {}, 0},      {2, 7, 5, {3, 5}, 0},
                                {1, 300, 1000, {}, 0},  // several blocks of queries
                                {2, 7, 5, {3, 5}, 0.3}, {2, 40, 600, {}, 0.3}, {1, 300, 1000, {}, 0.3}};
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto found = pass(softmax_attention, cases[i]), expected = pass(by_definition, cases[i]);
    for (size_t j = 0; j < found.size(); ++j)
      EXPECT_TRUE(torch::allclose(found[j], expected[j], 1e-4, 1e-5)) << "case " << i << ", tensor " << j;
  }
}

TEST(SoftmaxAttention, GivesQueriesWithoutAKeyZeros) {
  const auto found = pass(softmax_attention, {2, 4, 5, {0, 5}, 0.3});
  EXPECT_EQ(found[0][0].abs().max().item<float>(), 0);
  for (const Tensor& each : found) EXPECT_TRUE(torch::isfinite(each).all().item<bool>());
}

TEST(SoftmaxAttention, GivesTheSameOnOneThreadAndOnEight) {
  const Case c{3, 100, 300, {300, 20, 1}, 0.2};
  const auto on = [&](int count) {
    const Threads threads(count);
    return pass(softmax_attention, c);
  };
  const auto on_one = on(1), on_eight = on(8);
  for (size_t i = 0; i < on_one.size(); ++i) EXPECT_TRUE(torch::allclose(on_one[i], on_eight[i], 1e-5, 1e-6)) << i;
}

TEST(SoftmaxAttention, RefusesKeysThatAreNotThere) {
  const Tensor x = torch::randn({2, 1, 6, 4});
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>{7, 1}, {1, -1}, {1}})
    EXPECT_THROW(softmax_attention({x, x, x, torch::tensor(lengths), 0}), c10::Error);
}

TEST(SoftmaxAttention, StandsGreatScores) {
  const Tensor x = 1000 * torch::randn({1, 1, 6, 4});
  EXPECT_TRUE(torch::isfinite(softmax_attention({x, x, x, {}, 0})).all().item<bool>());
}

}  // namespace
}  // namespace fusion
