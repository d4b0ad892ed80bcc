// mix_slots as one operation against its definition.
#include "fusion/mix_slots.h"

#include <gtest/gtest.h>

#include "fusion/head_matmul.h"
#include "tests/fusion/compare.h"
#include "tests/fusion/gradient_check.h"
#include "tests/fusion/threads.h"

namespace fusion {
namespace {

using torch::Tensor;

struct Sizes {
  int64_t batch = 1, heads = 2, d_p = 3, dim = 6, d_in = 4;
  bool cross = false;
  double dropout = 0;
  at::ScalarType type = torch::kFloat32;
};

struct Case {
  MixInputs inputs;
  MixWeights weights{nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};

  explicit Case(const Sizes& s) {
    torch::manual_seed(6);
    const auto leaf = [&](at::IntArrayRef sizes) { return torch::randn(sizes, s.type).requires_grad_(); };
    inputs.mixed = leaf({s.batch, s.heads, s.d_p, s.dim});
    if (s.dropout > 0) inputs.row_sums = leaf({s.batch, s.heads, s.d_p, 1});
    if (s.cross) inputs.keys = leaf({s.batch, s.d_p, s.dim});
    inputs.dropout = s.dropout;
    inputs.adds_bias = s.dropout == 0;
    const auto linear = [&](int64_t out) {
      torch::nn::Linear a(s.dim, out);
      a->to(s.type);
      return a;
    };
    torch::nn::LayerNorm norm(torch::nn::LayerNormOptions({s.dim}));
    norm->to(s.type);
    const torch::NoGradGuard no_grad;
    norm->weight.add_(0.3 * torch::randn_like(norm->weight));
    norm->bias.add_(0.3 * torch::randn_like(norm->bias));
    weights = {linear(s.dim), linear(s.d_in), linear(s.d_in), linear(s.dim), norm, linear(s.dim)};
  }

  std::vector<Tensor> leaves() const {
    std::vector<Tensor> all{inputs.mixed};
    for (const Tensor& x : {inputs.row_sums, inputs.keys}) {
      if (x.defined()) all.push_back(x);
    }
    const auto& w = weights;
    for (const torch::nn::Linear& a : {w.pv, w.q, w.k, w.v, w.out}) {
      all.push_back(a->weight);
      if (a.get() != w.out.get() || inputs.adds_bias) all.push_back(a->bias);
    }
    all.push_back(w.norm->weight);
    all.push_back(w.norm->bias);
    return all;
  }
};

/// A number in which no two elements count alike.
Tensor weighed(const Tensor& x) {
  const Tensor steps = torch::arange(x.numel(), torch::kFloat64).view(x.sizes());
  return (x * (0.7 * steps).sin().to(x.scalar_type())).sum();
}

Tensor loss(const Mixed& mixed) { return weighed(mixed.slots) + weighed(mixed.c); }

/// What it gives, and all gradients, under one seed.
std::vector<Tensor> pass(Mixed (*mix)(const MixInputs&, const MixWeights&), const Sizes& sizes) {
  const Case of(sizes);
  torch::manual_seed(7);
  const Mixed mixed = mix(of.inputs, of.weights);
  std::vector<Tensor> all{mixed.c, mixed.slots};
  for (const Tensor& gradient : torch::autograd::grad({loss(mixed)}, of.leaves())) all.push_back(gradient);
  return all;
}

void expect_close(const std::vector<Tensor>& found, const std::vector<Tensor>& expected) {
  double largest = 0;
  for (const Tensor& each : expected) largest = std::max(largest, each.abs().max().item<double>());
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found[i].sizes(), expected[i].sizes()) << i;
    // Softmax takes a bias of keys out again: its gradient is nothing but rounding.
    const double scale = std::max(0.05 * largest, expected[i].abs().max().item<double>());
    EXPECT_LT((found[i] - expected[i]).abs().max().item<double>(), 1e-5 * scale) << i;
  }
}

// One sample, whose slots stay in columns; several; and slots and widths enough for a library's products.
TEST(MixSlots, EqualsItsDefinition) {
  for (const bool cross : {false, true}) {
    for (const double dropout : {0.0, 0.3}) {
      for (const Sizes& sizes : {Sizes{}, Sizes{.batch = 3}, Sizes{.heads = 4, .d_p = 16, .dim = 64, .d_in = 12},
                                 Sizes{.batch = 9, .heads = 2, .d_p = 17, .dim = 480, .d_in = 6},
                                 Sizes{.heads = 1, .d_p = 40, .dim = 840, .d_in = 4}}) {
        Sizes with = sizes;
        with.cross = cross;
        with.dropout = dropout;
        expect_close(pass(mix_slots, with), pass(mix_slots_by_definition, with));
      }
    }
  }
}

TEST(MixSlots, GivesTheSameWithoutGradients) {
  const Case of({.batch = 2});
  const Mixed expected = mix_slots(of.inputs, of.weights);
  const torch::NoGradGuard no_grad;
  const Mixed found = mix_slots(of.inputs, of.weights);
  EXPECT_TRUE(torch::equal(found.c, expected.c));
  EXPECT_TRUE(torch::equal(found.slots, expected.slots));
}

TEST(MixSlots, DoesNotDependOnTheNumberOfThreads) {
  const Sizes sizes{.batch = 2, .heads = 4, .d_p = 16, .dim = 64, .d_in = 12, .cross = true, .dropout = 0.2};
  std::vector<Tensor> on_one, on_eight;
  {
    const Threads threads(1);
    on_one = pass(mix_slots, sizes);
  }
  {
    const Threads threads(8);
    on_eight = pass(mix_slots, sizes);
  }
  expect_close(on_eight, on_one);
}

TEST(MixSlots, GradientsAreThoseOfFiniteDifferences) {
  for (const bool cross : {false, true}) {
    for (const double dropout : {0.0, 0.4}) {
      const Case of({.batch = 2, .cross = cross, .dropout = dropout, .type = torch::kFloat64});
      const auto with_one_seed = [&] {
        torch::manual_seed(4);
        return loss(mix_slots(of.inputs, of.weights));
      };
      expect_gradients(with_one_seed, of.leaves());
    }
  }
}

TEST(MixSlots, GradientsOfCAloneReachWhatMadeIt) {
  const Case of({});
  const Tensor found = torch::autograd::grad({weighed(mix_slots(of.inputs, of.weights).c)}, {of.inputs.mixed})[0];
  const Tensor expected =
      torch::autograd::grad({weighed(mix_slots_by_definition(of.inputs, of.weights).c)}, {of.inputs.mixed})[0];
  EXPECT_LT(relative_difference(found, expected), 1e-5);
}

TEST(MixSlots, TakesAnEmptyBatch) {
  const Case of({.batch = 0});
  const Mixed mixed = mix_slots(of.inputs, of.weights);
  EXPECT_EQ(mixed.c.sizes(), (std::vector<int64_t>{0, 3, 6}));
  EXPECT_EQ(mixed.slots.sizes(), (std::vector<int64_t>{0, 2, 3, 6}));
  const Tensor gradient = torch::autograd::grad({loss(mixed)}, {of.weights.v->weight})[0];
  EXPECT_EQ(gradient.abs().sum().item<float>(), 0);
}

TEST(MixSlots, RefusesWhatItWouldReadBeyond) {
  const auto expect_refused = [](const auto& spoil) {
    Case of({.cross = true, .dropout = 0.1});
    spoil(of);
    EXPECT_THROW(mix_slots(of.inputs, of.weights), c10::Error);
  };
  expect_refused([](Case& of) { of.weights.v->to(torch::kFloat64); });
  expect_refused([](Case& of) { of.weights.q = torch::nn::Linear(5, 4); });
  expect_refused([](Case& of) { of.weights.k = torch::nn::Linear(6, 6); });
  for (const int64_t width : {4, 8}) {
    expect_refused([=](Case& of) { of.weights.pv = torch::nn::Linear(6, width); });
    expect_refused([=](Case& of) { of.weights.v = torch::nn::Linear(6, width); });
    expect_refused([=](Case& of) { of.weights.out = torch::nn::Linear(6, width); });
  }
  expect_refused([](Case& of) { of.inputs.keys = of.inputs.keys.to(torch::kFloat64); });
  expect_refused([](Case& of) { of.inputs.keys = of.inputs.keys.narrow(1, 0, 2); });
  expect_refused([](Case& of) { of.inputs.row_sums = torch::ones({1, 2, 1, 1}); });
  expect_refused([](Case& of) { of.inputs.mixed = torch::ones({1, 2, 0, 6}); });
}

}  // namespace
}  // namespace fusion
