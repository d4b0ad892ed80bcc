#include "fusion/dba_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/fusion/compare.h"

namespace fusion {
namespace {

using Order = DbaAttentionImpl::ProductOrder;

constexpr int64_t kDim = 32, kHeads = 4, kDp = 6, kDin = 8;

DbaAttention layer(double dropout = 0) {
  torch::manual_seed(3);
  DbaAttention attention(
      AttentionOptions{.kind = "dba", .dim = kDim, .heads = kHeads, .d_p = kDp, .d_in = kDin, .dropout = dropout});
  // Biases and norms that are not their initial zeros and ones, so that a forgotten one is seen.
  const torch::NoGradGuard no_grad;
  for (auto& parameter : attention->parameters()) parameter.add_(0.2 * torch::randn_like(parameter));
  attention->eval();
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
  (output.features.square().sum() + output.state.pow(3).sum()).backward();
  std::vector<torch::Tensor> all{output.features.detach(), output.state.detach(), x.grad(), z.grad()};
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

TEST(DbaAttention, AppendedPaddingChangesNothing) {
  const torch::NoGradGuard no_grad;
  DbaAttention attention = layer();
  const torch::Tensor x = torch::randn({1, 9, kDim}), z = torch::randn({1, kDp, kDim});
  const torch::Tensor longer = torch::cat({x, 100 * torch::randn({1, 5, kDim})}, 1);
  const AttentionOutput alone = attention->self({x, {}}, z);
  const AttentionOutput padded = attention->self(Sequence::padded(longer, torch::tensor({9}, torch::kInt64)), z);
  EXPECT_LT(relative_difference(padded.features.narrow(1, 0, 9), alone.features), 1e-5);
  EXPECT_LT(relative_difference(padded.state, alone.state), 1e-5);
}

TEST(DbaAttention, FollowsAPermutationOfItsInput) {
  const torch::NoGradGuard no_grad;
  DbaAttention attention = layer();
  const torch::Tensor x = torch::randn({1, 12, kDim}), z = torch::randn({1, kDp, kDim});
  const torch::Tensor order = torch::randperm(12);
  const AttentionOutput straight = attention->self({x, {}}, z);
  const AttentionOutput permuted = attention->self({x.index_select(1, order), {}}, z);
  EXPECT_LT(relative_difference(permuted.features, straight.features.index_select(1, order)), 1e-5);
  EXPECT_LT(relative_difference(permuted.state, straight.state), 1e-5);
}

TEST(DbaAttention, IsFiniteWhereARowIsAllPadding) {
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
