#include "fusion/relu_feed_forward.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "fusion/dropout.h"
#include "tests/fusion/threads.h"

namespace fusion {
namespace {

using torch::Tensor;

struct Case {
  int64_t rows;
  double dropout;
};

/// The formula by LibTorch's operators; its dropout has the mask that relu_feed_forward has for one seed.
Tensor by_formula(const Tensor& x, const FeedForwardWeights& w, double p) {
  const Tensor hidden = torch::relu(torch::linear(x, w.inner, w.inner_bias));
  return torch::linear(hashed_dropout(hidden, p, p > 0), w.outer, w.outer_bias);
}

/// Output and gradients.
std::vector<Tensor> pass(Tensor (*way)(const Tensor&, const FeedForwardWeights&, double), const Case& c) {
  torch::manual_seed(5);
  const Tensor x = torch::randn({2, c.rows, 6}).requires_grad_();
  const FeedForwardWeights w{torch::randn({20, 6}).requires_grad_(), torch::randn({20}).requires_grad_(),
                             torch::randn({5, 20}).requires_grad_(), torch::randn({5}).requires_grad_()};
  torch::manual_seed(6);
  const Tensor out = way(x, w, c.dropout);
  std::vector<Tensor> all{out.detach()};
  const Tensor loss = (out * torch::arange(out.numel()).sin().view_as(out)).sum();
  for (const Tensor& g : torch::autograd::grad({loss}, {x, w.inner, w.inner_bias, w.outer, w.outer_bias}))
    all.push_back(g);
  return all;
}

// No row; fewer than threads share; one block a thread, and several.
TEST(ReluFeedForward, EqualsItsFormulaAndItsGradients) {
  for (const Case& c : {Case{0, 0}, Case{1, 0}, Case{3, 0.3}, Case{400, 0}, Case{3333, 0.3}}) {
    const Threads threads(4);  // the last two cases have rows for each, the others have not
    const auto found = pass(relu_feed_forward, c), expected = pass(by_formula, c);
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].sizes(), expected[i].sizes());
      EXPECT_TRUE(torch::allclose(found[i], expected[i], 1e-4, 1e-4)) << c.rows << " rows, tensor " << i;
    }
  }
}

// Broken weights answered quietly: what is no number became zero.
TEST(ReluFeedForward, KeepsWhatIsNoNumber) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = torch::ones({2, 3}).requires_grad_();
  const FeedForwardWeights w{torch::full({4, 3}, none), torch::zeros({4}), torch::ones({5, 4}), torch::zeros({5})};
  const Tensor out = relu_feed_forward(x, w, 0);
  EXPECT_TRUE(out.isnan().all().item<bool>());
  EXPECT_TRUE(torch::autograd::grad({out.sum()}, {x})[0].isnan().all().item<bool>());
}

TEST(ReluFeedForward, HasNoSecondDerivativeAndSaysSo) {
  const Tensor x = torch::ones({2, 3}).requires_grad_();
  const FeedForwardWeights w{torch::ones({4, 3}), torch::zeros({4}), torch::ones({5, 4}), torch::zeros({5})};
  const Tensor out = relu_feed_forward(x, w, 0);
  EXPECT_THROW(torch::autograd::grad({out.sum()}, {x}, {}, std::nullopt, /*create_graph=*/true), c10::Error);
}

TEST(ReluFeedForward, RefusesBiasesThatItWouldReadBeyond) {
  const Tensor x = torch::ones({2, 3});
  FeedForwardWeights w{torch::ones({4, 3}), torch::zeros({3}), torch::ones({5, 4}), torch::zeros({5})};
  EXPECT_THROW(relu_feed_forward(x, w, 0), c10::Error);
  w.inner_bias = torch::zeros({4}), w.outer_bias = torch::zeros({4});
  EXPECT_THROW(relu_feed_forward(x, w, 0), c10::Error);
}

TEST(ReluFeedForward, RefusesAProbabilityThatIsNone) {
  const Tensor x = torch::ones({2, 3});
  const FeedForwardWeights w{torch::ones({4, 3}), torch::zeros({4}), torch::ones({5, 4}), torch::zeros({5})};
  for (const double p : {1.0, 1.5}) EXPECT_THROW(relu_feed_forward(x, w, p), std::invalid_argument);
}

TEST(ReluFeedForward, GivesTheSameWithAndWithoutGradients) {
  torch::manual_seed(5);
  const Tensor x = torch::randn({400, 6});
  const FeedForwardWeights w{torch::randn({20, 6}), torch::randn({20}), torch::randn({5, 20}), torch::randn({5})};
  const Tensor plain = relu_feed_forward(x, w, 0);
  EXPECT_TRUE(torch::equal(plain, relu_feed_forward(x.clone().requires_grad_(), w, 0).detach()));
}

}  // namespace
}  // namespace fusion
