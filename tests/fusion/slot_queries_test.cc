// slot_queries by columns against its definition.
#include "fusion/slot_queries.h"

#include <gtest/gtest.h>

#include "tests/fusion/compare.h"
#include "tests/fusion/gradient_check.h"

namespace fusion {
namespace {

using torch::Tensor;

constexpr int64_t kHeads = 3;

struct Case {
  Tensor z;
  torch::nn::Linear a;

  explicit Case(int64_t batch, int64_t slots = 5, int64_t dim = 7, at::ScalarType type = torch::kFloat32)
      : a((torch::manual_seed(3), torch::nn::Linear(dim, 2 * kHeads))) {
    a->to(type);
    z = torch::randn({batch, slots, dim}, type).requires_grad_();
  }

  std::vector<Tensor> leaves() const { return {z, a->weight, a->bias}; }
};

/// A number in which no two elements count alike.
Tensor weighed(const Tensor& x) {
  return (x * torch::arange(x.numel(), x.scalar_type()).mul(0.7).sin().view(x.sizes())).sum();
}

// Few slots; no samples; and so many that a library's product takes them.
TEST(SlotQueries, EqualTheirDefinition) {
  for (const Case& of : {Case(1), Case(4), Case(0), Case(6, 16, 480)}) {
    const Tensor found = slot_queries(of.z, of.a, kHeads), expected = slot_queries_by_definition(of.z, of.a, kHeads);
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_TRUE(torch::allclose(found, expected, 1e-5, 1e-6));
    const auto of_found = torch::autograd::grad({weighed(found)}, of.leaves()),
               of_expected = torch::autograd::grad({weighed(expected)}, of.leaves());
    for (size_t i = 0; i < of_found.size(); ++i)
      EXPECT_TRUE(torch::allclose(of_found[i], of_expected[i], 1e-4, 1e-5)) << i;
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::equal(slot_queries(of.z, of.a, kHeads), found));
  }
}

// As the state is that all samples begin with.
TEST(SlotQueries, TakeAStateThatIsOneForAllSamples) {
  const Case of(1);
  const Tensor found = slot_queries(of.z.expand({4, -1, -1}), of.a, kHeads);
  EXPECT_TRUE(torch::equal(found[3], found[0]));
  EXPECT_LT(relative_difference(found[0], slot_queries_by_definition(of.z, of.a, kHeads)[0]), 1e-5);
  const Tensor of_found = torch::autograd::grad({weighed(found)}, {of.z})[0],
               of_expected = torch::autograd::grad(
                   {weighed(slot_queries_by_definition(of.z.expand({4, -1, -1}), of.a, kHeads))}, {of.z})[0];
  EXPECT_LT(relative_difference(of_found, of_expected), 1e-5);
}

TEST(SlotQueries, ReadABiasOfAnyStride) {
  Case of(1);
  of.a->bias = torch::randn({2 * kHeads, 2}).select(1, 1);
  EXPECT_LT(relative_difference(slot_queries(of.z, of.a, kHeads), slot_queries_by_definition(of.z, of.a, kHeads)),
            1e-5);
}

TEST(SlotQueries, HaveNoSecondDerivativeAndSaySo) {
  const Case of(1);
  const Tensor queries = slot_queries(of.z, of.a, kHeads);
  EXPECT_THROW(torch::autograd::grad({queries.sum()}, {of.z}, {}, std::nullopt, /*create_graph=*/true), c10::Error);
}

TEST(SlotQueries, GradientsAreThoseOfFiniteDifferences) {
  const Case of(2, 5, 7, torch::kFloat64);
  expect_gradients([&] { return weighed(slot_queries(of.z, of.a, kHeads)); }, of.leaves());
}

TEST(SlotQueries, RefuseWhatTheyWouldReadBeyond) {
  Case of(2);
  EXPECT_THROW(slot_queries(of.z.narrow(2, 0, 6), of.a, kHeads), c10::Error);
  EXPECT_THROW(slot_queries(of.z.to(torch::kFloat64), of.a, kHeads), c10::Error);
  EXPECT_THROW(slot_queries(of.z, of.a, 0), c10::Error);
  of.a->bias = torch::zeros({5});
  EXPECT_THROW(slot_queries(of.z, of.a, kHeads), c10::Error);
}

}  // namespace
}  // namespace fusion
