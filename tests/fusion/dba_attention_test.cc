#include "fusion/dba_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/fusion/compare.h"

namespace fusion {
namespace {

using Order = DbaAttentionImpl::ProductOrder;

// As the formulas stand and by the kernels.
constexpr Order kOrders[] = {Order::kLiteral, Order::kReassociated};

constexpr int64_t kDim = 32, kHeads = 4, kDp = 6, kDin = 8;

DbaAttention layer(double dropout = 0, Order order = Order::kCheapest) {
  torch::manual_seed(3);
  DbaAttention attention(
      AttentionOptions{.kind = "dba", .dim = kDim, .heads = kHeads, .d_p = kDp, .d_in = kDin, .dropout = dropout});
  // Biases and norms that are not their initial zeros and ones, so that a forgotten one is seen.
  const torch::NoGradGuard no_grad;
  for (auto& parameter : attention->parameters()) parameter.add_(0.2 * torch::randn_like(parameter));
  attention->eval();
  attention->set_product_order(order);
  return attention;
}

/// The formulas of dba_attention.h for one sample, head by head, in the order in which they are written. x (n, D), z
/// (d_p, D).
struct Literal {
  torch::Tensor out, c;

  Literal(DbaAttention& attention, const torch::Tensor& x, const torch::Tensor& z, bool cross) {
    const auto p = attention->named_parameters();
    const auto project = [&](const torch::Tensor& t, const std::string& name) {
      return t.matmul(p[name + ".weight"].t()) + p[name + ".bias"];
    };
    const int64_t d_h = kDim / kHeads, r = kDin / kHeads;
    const double scale = std::sqrt(static_cast<double>(r));
    const auto head = [](const torch::Tensor& t, int64_t i, int64_t width) { return t.narrow(1, i * width, width); };
    std::vector<torch::Tensor> cs, ys, outs;
    for (int64_t i = 0; i < kHeads; ++i) {
      const torch::Tensor w =
          (head(project(z, "pq"), i, r).matmul(head(project(x, "pk"), i, r).t()) / scale).softmax(1);
      cs.push_back(w.matmul(head(project(x, "pv"), i, d_h)));
    }
    c = torch::cat(cs, 1);
    const torch::Tensor keys = cross ? z : c;
    for (int64_t i = 0; i < kHeads; ++i) {
      const torch::Tensor q = head(project(c, "q"), i, r), k = head(project(keys, "k"), i, r);
      ys.push_back((q.matmul(k.t()) / scale).softmax(1).matmul(head(project(keys, "v"), i, d_h)));
    }
    const torch::Tensor y = torch::layer_norm(torch::cat(ys, 1), {kDim}, p["norm.weight"], p["norm.bias"], 1e-5);
    for (int64_t i = 0; i < kHeads; ++i) {
      outs.push_back(head(project(x, "len"), i, kDp).softmax(1).matmul(head(y, i, d_h)));
    }
    out = project(torch::cat(outs, 1), "out");
  }
};

TEST(DbaAttention, EqualsTheFormulasHeadByHead) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::randn({2, 50, kDim}), z = torch::randn({2, kDp, kDim});
  for (const Order order : {Order::kLiteral, Order::kReassociated, Order::kCheapest}) {
    DbaAttention attention = layer();
    attention->set_product_order(order);
    const AttentionOutput self = attention->self({x, {}}, z), cross = attention->cross({x, {}}, {}, z);
    for (int64_t b = 0; b < 2; ++b) {
      const Literal as_self(attention, x[b], z[b], false), as_cross(attention, x[b], z[b], true);
      EXPECT_LT(relative_difference(self.features[b], as_self.out), 1e-5);
      EXPECT_LT(relative_difference(self.state[b], as_self.c), 1e-5);
      EXPECT_LT(relative_difference(cross.features[b], as_cross.out), 1e-5);
      EXPECT_LT(relative_difference(cross.state[b], as_cross.c), 1e-5);
    }
  }
}

/// Outputs and all gradients of one pass in training mode with one seed, the same masks in either order.
std::vector<torch::Tensor> pass(Order order, int64_t n, bool cross) {
  DbaAttention attention = layer(0.2);
  attention->train();
  attention->set_product_order(order);
  torch::manual_seed(11);
  const torch::Tensor x = torch::randn({3, n, kDim}).requires_grad_();
  const torch::Tensor z = torch::randn({3, kDp, kDim}).requires_grad_();
  const Sequence sequence = Sequence::padded(x, torch::tensor({n, n - 2, int64_t{1}}, torch::kInt64));
  const AttentionOutput output = cross ? attention->cross(sequence, {}, z) : attention->self(sequence, z);
  const torch::Tensor features = output.features.masked_fill(sequence.padding.unsqueeze(-1), 0);
  (features.square().sum() + output.state.pow(3).sum()).backward();
  std::vector<torch::Tensor> all{features.detach(), output.state.detach(), x.grad(), z.grad()};
  for (const auto& parameter : attention->parameters()) all.push_back(parameter.grad());
  return all;
}

TEST(DbaAttention, ReassociatedProductsGiveTheSameOutputsAndGradients) {
  for (const int64_t n : {5, 64}) {
    for (const bool cross : {false, true}) {
      const auto literal = pass(Order::kLiteral, n, cross), reassociated = pass(Order::kReassociated, n, cross);
      double largest = 0;
      for (const auto& each : literal) largest = std::max(largest, each.abs().max().item<double>());
      for (size_t i = 0; i < literal.size(); ++i) {
        // Softmax takes a bias of keys out again: its gradient is nothing but rounding.
        const double scale = std::max(0.05 * largest, literal[i].abs().max().item<double>());
        EXPECT_LT((literal[i] - reassociated[i]).abs().max().item<double>(), 2e-5 * scale) << i << " at n " << n;
      }
    }
  }
}

/// Outputs and gradients of one pass on a device, in a type; of numbers that `rounded` has.
std::vector<torch::Tensor> pass_on(at::DeviceType device, bool cross, at::ScalarType type = torch::kFloat32,
                                   at::ScalarType rounded = torch::kFloat32) {
  DbaAttention attention = layer();
  attention->set_product_order(Order::kReassociated);
  torch::manual_seed(11);
  const torch::Tensor x = torch::randn({3, 64, kDim}).to(rounded).to(device, type).requires_grad_();
  const torch::Tensor z = torch::randn({3, kDp, kDim}).to(rounded).to(device, type).requires_grad_();
  attention->to(rounded);
  attention->to(device, type);
  const Sequence sequence = Sequence::padded(x, torch::tensor({64, 30, 1}, torch::kInt64));
  const AttentionOutput output = cross ? attention->cross(sequence, {}, z) : attention->self(sequence, z);
  (output.features.square().sum() + output.state.pow(3).sum()).backward();
  std::vector<torch::Tensor> all{output.features, output.state, x.grad(), z.grad()};
  for (const auto& parameter : attention->parameters())
    if (parameter.grad().defined()) all.push_back(parameter.grad());
  return all;
}

TEST(DbaAttention, IsTheSameOnAGpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "there is no GPU";
  for (const bool cross : {false, true}) {
    const auto on_cpu = pass_on(torch::kCPU, cross), on_gpu = pass_on(torch::kCUDA, cross);
    ASSERT_EQ(on_cpu.size(), on_gpu.size());
    for (size_t i = 0; i < on_cpu.size(); ++i) {
      const double scale = std::max(1.0, on_cpu[i].abs().max().item<double>());
      EXPECT_LT((on_gpu[i].cpu() - on_cpu[i]).abs().max().item<double>(), 1e-4 * scale) << i;
    }
  }
}

// Numbers of 8 bits: 0.2 % off each, and some of that many times over on the way.
TEST(DbaAttention, IsNearlyTheSameInBfloat16) {
  for (const bool cross : {false, true}) {
    const auto wide = pass_on(torch::kCPU, cross, torch::kFloat32, torch::kBFloat16),
               narrow = pass_on(torch::kCPU, cross, torch::kBFloat16, torch::kBFloat16);
    ASSERT_EQ(wide.size(), narrow.size());
    for (size_t i = 0; i < wide.size(); ++i) {
      EXPECT_EQ(narrow[i].scalar_type(), torch::kBFloat16);
      const double norm = wide[i].norm().item<double>();
      if (norm < 0.01) continue;  // of biases of keys, which change nothing: rounding alone
      EXPECT_LT((narrow[i].to(torch::kFloat32) - wide[i]).norm().item<double>(), 0.03 * norm) << i;
    }
  }
}

TEST(DbaAttention, AppendedPaddingChangesNothing) {
  for (const Order order : kOrders) {
    const torch::NoGradGuard no_grad;
    DbaAttention attention = layer(0, order);
    const torch::Tensor x = torch::randn({1, 9, kDim}), z = torch::randn({1, kDp, kDim});
    const torch::Tensor longer = torch::cat({x, 100 * torch::randn({1, 5, kDim})}, 1);
    const AttentionOutput alone = attention->self({x, {}}, z);
    const AttentionOutput padded = attention->self(Sequence::padded(longer, torch::tensor({9}, torch::kInt64)), z);
    EXPECT_LT(relative_difference(padded.features.narrow(1, 0, 9), alone.features), 1e-5);
    EXPECT_LT(relative_difference(padded.state, alone.state), 1e-5);
  }
}

TEST(DbaAttention, FollowsAPermutationOfItsInput) {
  for (const Order order : kOrders) {
    const torch::NoGradGuard no_grad;
    DbaAttention attention = layer(0, order);
    const torch::Tensor x = torch::randn({1, 12, kDim}), z = torch::randn({1, kDp, kDim});
    const torch::Tensor places = torch::randperm(12);
    const AttentionOutput straight = attention->self({x, {}}, z);
    const AttentionOutput permuted = attention->self({x.index_select(1, places), {}}, z);
    EXPECT_LT(relative_difference(permuted.features, straight.features.index_select(1, places)), 1e-5);
    EXPECT_LT(relative_difference(permuted.state, straight.state), 1e-5);
  }
}

/// A layer whose parameter `name` is nothing but zeros, or `value`.
void fill(DbaAttention& attention, const std::string& name, double value = 0) {
  const torch::NoGradGuard no_grad;
  attention->named_parameters()[name].fill_(value);
}

TEST(DbaAttention, RowsOfItsWeightsSumToOne) {
  for (const Order order : kOrders) {
    const torch::NoGradGuard no_grad;
    DbaAttention attention = layer(0, order);
    const Sequence x = Sequence::padded(torch::randn({2, 9, kDim}), torch::tensor({9, 4}, torch::kInt64));
    const torch::Tensor z = torch::randn({2, kDp, kDim});
    fill(attention, "pv.weight");    // X A_pv + b is b at every position, and so is every row of W (X A_pv + b)
    fill(attention, "norm.weight");  // likewise LayerNorm's shift, through W'
    const AttentionOutput out = attention->self(x, z);
    const auto p = attention->named_parameters();
    EXPECT_TRUE(torch::allclose(out.state, p["pv.bias"].expand_as(out.state), 1e-5, 1e-6));
    const torch::Tensor row = p["out.weight"].matmul(p["norm.bias"]) + p["out.bias"];
    for (const torch::Tensor& real : {out.features[0], out.features[1].narrow(0, 0, 4)})
      EXPECT_TRUE(torch::allclose(real, row.expand_as(real), 1e-5, 1e-6));
  }
}

// Z weighs the queries' positions, and it is what keys and values are made of.
TEST(DbaAttention, TheStateOfTheKeysReachesTheOutputByWeightsAndByKeysAndValues) {
  const torch::Tensor x = torch::randn({2, 9, kDim});
  const auto slopes = [&](const std::vector<std::string>& cut) {  // of Z, and of A_pq, which only W has
    DbaAttention attention = layer();
    for (const std::string& name : cut) fill(attention, name);
    const torch::Tensor z = torch::randn({2, kDp, kDim}).requires_grad_();
    attention->cross({x, {}}, {}, z).features.pow(3).sum().backward();
    const torch::Tensor of_pq = attention->named_parameters()["pq.weight"].grad();
    return std::pair{z.grad().abs().max().item<double>(), of_pq.abs().max().item<double>()};
  };
  EXPECT_GT(slopes({}).second, 1e-3);
  EXPECT_GT(slopes({"pq.weight"}).first, 1e-3);
  EXPECT_EQ(slopes({"pq.weight", "k.weight", "v.weight"}).first, 0);
}

TEST(DbaAttention, WeighsEachSampleByItsOwnContent) {
  for (const Order order : kOrders) {
    const torch::NoGradGuard no_grad;
    DbaAttention attention = layer(0, order);
    fill(attention, "pv.bias");
    const torch::Tensor z = torch::randn({1, kDp, kDim}), x = torch::randn({1, 6, kDim});
    // Were W the same for both, as a Linformer's maps are, the state would be twice as large.
    EXPECT_GT(relative_difference(attention->self({2 * x, {}}, z).state, 2 * attention->self({x, {}}, z).state), 0.05);
  }
}

// With one slot and one head's worth of numbers each, what every mask did can be read from the outputs.
TEST(DbaAttention, DropsTheWeightsOfAllThreeSoftmaxes) {
  const torch::NoGradGuard no_grad;
  constexpr double kP = 0.3;
  constexpr int64_t kBatchSize = 20'000, n = 10;
  torch::manual_seed(13);
  DbaAttention attention(AttentionOptions{.kind = "dba", .dim = 4, .heads = 2, .d_p = 1, .d_in = 2, .dropout = kP});
  attention->train();
  for (auto& parameter : attention->parameters()) parameter.zero_();
  auto p = attention->named_parameters();
  p["pv.bias"].fill_(1);                                 // C: the sum of a row of W, 1 / n each before dropout
  p["v.bias"].copy_(torch::tensor({1., -1., 1., -1.}));  // Y: of a head, not zero where its P is kept
  p["norm.weight"].fill_(1);
  p["out.weight"].copy_(torch::eye(4));
  const AttentionOutput out = attention->self({torch::randn({kBatchSize, n, 4}), {}}, torch::randn({kBatchSize, 1, 4}));
  const torch::Tensor c = out.state.select(2, 0);  // head 0's
  EXPECT_NEAR(c.mean().item<double>(), 1, 0.01);
  EXPECT_NEAR(c.var().item<double>(), kP / (1 - kP) / n, 0.002);
  const torch::Tensor live = out.features.select(2, 0).ne(0).to(torch::kFloat32);  // (B, n): W' kept, and P
  const torch::Tensor p_kept = live.amax(1);
  EXPECT_NEAR(p_kept.mean().item<double>(), 1 - kP, 0.02);
  EXPECT_NEAR((live.sum() / (n * p_kept.sum())).item<double>(), 1 - kP, 0.02);
}

TEST(DbaAttention, CompressesAsSelfAttentionDoes) {
  for (const Order order : kOrders) {
    const torch::NoGradGuard no_grad;
    DbaAttention attention = layer(0, order);
    const Sequence x = Sequence::padded(torch::randn({2, 9, kDim}), torch::tensor({9, 4}, torch::kInt64));
    const torch::Tensor z = torch::randn({2, kDp, kDim});
    EXPECT_LT(relative_difference(attention->compress(x, z), attention->self(x, z).state), 1e-6);
  }
}

TEST(DbaAttention, IsFiniteWhereARowIsAllPadding) {
  for (const Order order : kOrders) {
    for (const bool training : {false, true}) {
      DbaAttention attention = layer(0.3, order);
      attention->train(training);
      const Sequence x =
          Sequence::padded(torch::randn({2, 600, kDim}).requires_grad_(), torch::tensor({0, 600}, torch::kInt64));
      const AttentionOutput out = attention->self(x, torch::randn({2, kDp, kDim}));
      const torch::Tensor of_x = torch::autograd::grad({out.features.sum() + out.state.sum()}, {x.features})[0];
      for (const torch::Tensor& each : {out.features, out.state, of_x})
        EXPECT_TRUE(torch::isfinite(each).all().item<bool>());
    }
  }
}

TEST(DbaAttention, IsFiniteWhereAShortRowIsAllPadding) {
  DbaAttention attention = layer();
  const Sequence x = Sequence::padded(torch::randn({2, 4, kDim}), torch::tensor({0, 4}, torch::kInt64));
  EXPECT_TRUE(torch::isfinite(attention->self(x, torch::randn({2, kDp, kDim})).features).all().item<bool>());
}

TEST(DbaAttention, RefusesAStateOfAnotherShape) {
  DbaAttention attention = layer();
  const Sequence x{torch::randn({2, 4, kDim}), {}};
  EXPECT_THROW(attention->self(x, {}), std::invalid_argument);
  EXPECT_THROW(attention->cross(x, x, torch::randn({2, kDp + 1, kDim})), std::invalid_argument);
}

}  // namespace
}  // namespace fusion
