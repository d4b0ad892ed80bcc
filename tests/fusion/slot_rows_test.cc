// compress_rows and restore_rows against their definitions, on every device: on the CPU, on a GPU where there is one,
// and the GPU's kernels on threads of the host in its stead.
#include <gtest/gtest.h>

#include "fusion/row_blocks.h"
#include "tests/fusion/compare.h"
#include "tests/fusion/gradient_check.h"
#include "tests/fusion/slot_rows_places.h"
#include "tests/fusion/threads.h"

namespace fusion {
namespace {

using torch::Tensor;

// One row; one block; several blocks, the last of them short; several parts of a sample where there are threads;
// several tiles of a GPU in every direction, at sizes that are no multiples; the layer's usual sizes.
const std::vector<Sizes>& cases() {
  static const std::vector<Sizes> all{
      {.n = 1},
      {.n = 7},
      {.n = 2 * kBlockRows + 3},
      {.n = 9, .lengths = {9, 0, 4}},
      {.n = 600, .lengths = {1, 600, 257}},
      {.n = 9, .dropout = 0.3, .tries_bfloat16 = true},
      {.n = 600, .lengths = {599, 3, 300}, .dropout = 0.3, .others = 4},
      {.n = 600, .lengths = {599, 3, 300}, .has_beside = false},
      {.n = 150, .dim = 70, .slots = 48, .r = 3, .lengths = {150, 128, 1}, .dropout = 0.1, .tries_bfloat16 = true},
      {.n = 300,
       .dim = 128,
       .heads = 8,
       .slots = 16,
       .r = 3,
       .lengths = {300, 100, 129},
       .dropout = 0.1,
       .tries_bfloat16 = true},
      {.n = 130, .dim = 64, .heads = 8, .slots = 16, .r = 3},
      {.n = 600, .batch = 1, .in_columns = true},
      {.n = 600, .lengths = {400}, .dropout = 0.3, .batch = 1},
      {.n = 600, .lengths = {0}, .batch = 1},
      {.n = 7, .batch = 3, .has_out_bias = false, .in_columns = true},
      {.n = 300, .dim = 128, .heads = 8, .slots = 16, .r = 3, .batch = 1, .has_out_bias = false, .in_columns = true},
      {.n = 200, .dim = 150, .batch = 1, .in_columns = true, .tries_bfloat16 = true},
      {.n = 600, .batch = 1, .tries_bfloat16 = true}};
  return all;
}

void expect_equal(const std::vector<Tensor>& found, const std::vector<Tensor>& expected, size_t i) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t j = 0; j < found.size(); ++j) {
    ASSERT_EQ(found[j].sizes(), expected[j].sizes()) << "case " << i << ", tensor " << j;
    if (expected[j].numel() == 0) continue;
    // One row has all the weight there is: the gradient of its queries is nothing but rounding.
    const double scale = std::max(1.0, expected[j].abs().max().item<double>());
    EXPECT_LT((found[j] - expected[j]).abs().max().item<double>(), 2e-5 * scale) << "case " << i << ", tensor " << j;
  }
}

class SlotRows : public testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam().device == torch::kCUDA && !torch::cuda::is_available()) GTEST_SKIP() << "there is no GPU";
  }
};
INSTANTIATE_TEST_SUITE_P(On, SlotRows, testing::Values(kCpu, kCuda, kEmulated),
                         [](const auto& place) { return place.param.name; });

TEST_P(SlotRows, CompressedEqualTheirDefinition) {
  for (size_t i = 0; i < cases().size(); ++i)
    expect_equal(compressed_by(GetParam(), cases()[i]), compressed_by(kDefinition, cases()[i]), i);
}

TEST_P(SlotRows, RestoredEqualTheirDefinition) {
  for (size_t i = 0; i < cases().size(); ++i)
    expect_equal(restored_by(GetParam(), cases()[i]), restored_by(kDefinition, cases()[i]), i);
}

/// Expects what was computed in bfloat16 to be as near to float's as its rounding allows. Numbers have 8 bits, so an
/// output is off by up to 2^-9 = 0.2 % of itself; keys of size 5 by 0.01, and so their weights by 1 %.
void expect_near(const std::vector<Tensor>& found, const std::vector<Tensor>& expected, size_t i) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t j = 0; j < found.size(); ++j) {
    const double norm = expected[j].norm().item<double>(), apart = (found[j] - expected[j]).norm().item<double>();
    EXPECT_LT(apart, 0.02 * norm) << "case " << i << ", tensor " << j;
  }
}

class SlotRowsInBfloat16 : public SlotRows {};
INSTANTIATE_TEST_SUITE_P(On, SlotRowsInBfloat16, testing::Values(kCpu, kCuda, kEmulated),
                         [](const auto& place) { return place.param.name; });

TEST_P(SlotRowsInBfloat16, AreNearThoseInFloat) {
  for (size_t i = 0; i < cases().size(); ++i) {
    Sizes sizes = cases()[i];
    if (!sizes.tries_bfloat16) continue;
    sizes.rounded = true;
    sizes.has_bias = false;  // whose gradient is nothing but rounding
    const auto compressed = compressed_by(kDefinition, sizes), restored = restored_by(kDefinition, sizes);
    sizes.type = torch::kBFloat16;
    expect_near(compressed_by(GetParam(), sizes), compressed, i);
    expect_near(restored_by(GetParam(), sizes), restored, i);
  }
}

// Long sequences, whose rows are shared out; short ones, whose heads are, and columns, more than a thread's least. A
// sample without rows among others of several parts gave sums of other parts, or no number at all.
TEST(CompressRows, GivesTheSameOnAnyNumberOfThreads) {
  const std::vector<Sizes> sizes{{.n = 600, .lengths = {599, 3, 300}},
                                 {.n = 600, .lengths = {600, 0, 0}},
                                 {.n = 600, .lengths = {600, 0, 300}},
                                 {.n = 600, .lengths = {0, 0, 0}},
                                 {.n = 200, .dim = 150, .lengths = {130, 0, 200}},
                                 {.n = 200, .dim = 150, .heads = 5, .batch = 1, .has_out_bias = false},
                                 {.n = 200, .dim = 150, .batch = 2, .in_columns = true}};
  for (size_t i = 0; i < sizes.size(); ++i) {
    for (const double dropout : {0.0, 0.3}) {
      Sizes dropped = sizes[i];
      dropped.dropout = dropout;
      std::vector<Tensor> on_one;
      for (const int count : {1, 3, 8}) {
        const Threads threads(count);
        std::vector<Tensor> found = compressed_by(kCpu, dropped);
        for (const Tensor& each : restored_by(kCpu, dropped)) found.push_back(each);
        for (const Tensor& each : found) EXPECT_TRUE(torch::isfinite(each).all().item<bool>());
        if (count == 1) on_one = found;
        expect_equal(found, on_one, i);
      }
    }
  }
}

// Threads are not in the mode of the one that called them, and may not write to its tensors by name.
TEST(CompressRows, AndRestoreRowsRunInInferenceMode) {
  for (const at::ScalarType type : {torch::kFloat32, torch::kBFloat16}) {
    const Sizes sizes{.n = 300, .batch = 1, .tries_bfloat16 = true};
    Sizes typed = sizes;
    typed.type = type;
    const Threads threads(2);
    const Tensor expected = compress_rows(compress_inputs(typed)).mixed.detach(),
                 expected_rows = restore_rows(restore_inputs(typed)).detach();
    const c10::InferenceMode inference;
    EXPECT_TRUE(torch::equal(compress_rows(compress_inputs(typed)).mixed, expected));
    EXPECT_TRUE(torch::equal(restore_rows(restore_inputs(typed)), expected_rows));
  }
}

TEST(CompressRows, RefusesWhatItWouldReadBeyond) {
  CompressInputs inputs = compress_inputs({});
  const Tensor whole = inputs.queries;
  inputs.queries = whole.narrow(0, 0, 1);  // of one sample for three
  EXPECT_THROW(compress_rows(inputs), c10::Error);
  inputs.queries = whole.to(torch::kFloat64);
  EXPECT_THROW(compress_rows(inputs), c10::Error);
  inputs.queries = whole;
  const Tensor all_keys = inputs.weight;
  inputs.weight = all_keys.narrow(0, 1, 5);
  EXPECT_THROW(compress_rows(inputs), c10::Error);
  inputs.weight = all_keys;
  inputs.beside = inputs.beside.narrow(1, 1, 5);
  EXPECT_THROW(compress_rows(inputs), c10::Error);
  inputs.beside = Tensor();
  inputs.lengths = torch::tensor({7, 8, 1}, torch::kInt64);  // of 7 rows
  EXPECT_THROW(compress_rows(inputs), c10::Error);
  const RestoreInputs to = restore_inputs({});
  const auto expect_refused = [&](Tensor RestoreInputs::*tensor, const Tensor& other) {
    RestoreInputs spoilt = to;
    spoilt.*tensor = other;
    EXPECT_THROW(restore_rows(spoilt), c10::Error);
  };
  expect_refused(&RestoreInputs::bias, to.bias.narrow(0, 1, 3));
  expect_refused(&RestoreInputs::slots, to.slots.narrow(0, 0, 1));
  expect_refused(&RestoreInputs::out_bias, torch::zeros({5}));
  expect_refused(&RestoreInputs::lengths, torch::tensor({7, 8, 1}, torch::kInt64));
}

TEST(RestoreRows, ReadABiasOfAnyStride) {
  RestoreInputs inputs = restore_inputs({});
  const torch::NoGradGuard no_grad;
  inputs.out_bias = torch::tensor({0.5F}).expand({6});
  inputs.bias = torch::randn({15, 2}).select(1, 1);
  EXPECT_LT(relative_difference(restore_rows(inputs), restore_rows_by_definition(inputs)), 1e-5);
}

TEST(CompressRows, GradientsAreThoseOfFiniteDifferences) {
  const CompressInputs inputs = compress_inputs({.lengths = {7, 0, 3}, .type = torch::kFloat64});
  expect_gradients([&] { return loss(outputs_of(inputs, compress_rows(inputs))); }, leaves_of(inputs));
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
    return loss(outputs_of(inputs, compress_rows(inputs)));
  };
  expect_gradients(with_one_seed, leaves_of(inputs));
}

TEST(RestoreRows, GradientsUnderDropoutAreThoseOfTheMaskDrawn) {
  const RestoreInputs inputs = restore_inputs({.dropout = 0.4, .type = torch::kFloat64});
  const auto with_one_seed = [&] {
    torch::manual_seed(4);
    return weighed(restore_rows(inputs));
  };
  expect_gradients(with_one_seed, {inputs.projected, inputs.bias, inputs.slots, inputs.out_bias});
}

TEST_P(SlotRows, DoNotReadPadding) {
  const Place& place = GetParam();
  for (const Sizes& sizes :
       {Sizes{.n = 9, .lengths = {9, 2, 4}}, Sizes{.n = 300, .dim = 64, .lengths = {300, 130, 4}}}) {
    const auto clean = compressed_by(place, sizes), clean_rows = restored_by(place, sizes);
    const auto spoilt = [&](const Tensor& x) {
      const torch::NoGradGuard no_grad;
      for (int64_t b = 0; b < sizes.batch; ++b)
        x[b].slice(0, sizes.lengths[static_cast<size_t>(b)]).fill_(std::numeric_limits<float>::quiet_NaN());
    };
    const CompressInputs inputs = compress_inputs(sizes, place.device);
    spoilt(inputs.x);
    std::vector<Tensor> all = outputs_of(inputs, place.compress(inputs));
    for (const Tensor& g : torch::autograd::grad({loss(all)}, leaves_of(inputs))) all.push_back(g);
    all = on_cpu(all);
    for (size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(torch::equal(all[i], clean[i])) << "compressed, tensor " << i;

    const RestoreInputs to = restore_inputs(sizes, place.device);
    spoilt(to.projected);
    const Tensor out = place.restore(to);
    const Tensor of_out = torch::randn(out.sizes()).to(place.device);
    const std::vector<Tensor> leaves{to.projected, to.bias, to.slots, to.out_bias};
    const auto of = torch::autograd::grad({out}, leaves, {of_out}, /*retain_graph=*/true);
    spoilt(of_out);
    const auto of_spoilt = torch::autograd::grad({out}, leaves, {of_out});
    EXPECT_TRUE(torch::equal(on_cpu({out})[0], clean_rows[0]));
    for (size_t i = 0; i < of.size(); ++i) EXPECT_TRUE(torch::equal(of[i], of_spoilt[i])) << "restored, gradient " << i;
  }
}

TEST_P(SlotRows, HaveNoSecondDerivativeAndSaySo) {
  const auto expect_refused = [](const Tensor& out, const Tensor& leaf) {
    EXPECT_THROW(torch::autograd::grad({out.sum()}, {leaf}, {}, std::nullopt, /*create_graph=*/true), c10::Error);
  };
  const CompressInputs inputs = compress_inputs({}, GetParam().device);
  expect_refused(GetParam().compress(inputs).mixed, inputs.x);
  const RestoreInputs to = restore_inputs({}, GetParam().device);
  expect_refused(GetParam().restore(to), to.slots);
}

// Scores so far apart that exp of their difference is nothing, block after block in either order.
TEST_P(SlotRows, StandGreatScores) {
  CompressInputs inputs = compress_inputs({.n = 3 * kBlockRows, .has_bias = false}, GetParam().device);
  inputs.queries = (300 * inputs.queries.detach()).requires_grad_();
  const auto pass = [&](const auto& compress) {
    const Tensor mixed = compress(inputs).mixed;
    std::vector<Tensor> all{mixed};
    for (const Tensor& g : torch::autograd::grad({weighed(mixed)}, {inputs.x, inputs.queries, inputs.weight}))
      all.push_back(g);
    return all;
  };
  const std::vector<Tensor> found = pass(GetParam().compress), expected = pass(compress_rows_by_definition);
  for (size_t i = 0; i < found.size(); ++i) {
    // Scores of a thousand have digits down to 6e-5, and gradients are differences of weights.
    EXPECT_LT(relative_difference(found[i], expected[i]), i == 0 ? 1e-5 : 3e-5) << i;
    EXPECT_TRUE(torch::isfinite(found[i]).all().item<bool>()) << i;
  }
}

// A head whose logits lie far below the others' has a softmax of its own none the less.
TEST_P(SlotRows, StandHeadsFarApart) {
  RestoreInputs inputs = restore_inputs({}, GetParam().device);
  const torch::NoGradGuard no_grad;
  inputs.bias.view({3, 5})[1].sub_(300);
  EXPECT_LT(relative_difference(GetParam().restore(inputs), restore_rows_by_definition(inputs)), 1e-5);
}

TEST_P(SlotRows, TakeAnEmptyBatch) {
  const Sizes s;
  const auto options = torch::dtype(torch::kFloat32).device(GetParam().device);
  const auto none = [&](at::IntArrayRef sizes) { return torch::zeros(sizes, options).requires_grad_(); };
  const CompressInputs inputs{
      .x = none({0, 4, 6}), .queries = none({0, 3, 5, 2}), .weight = none({s.keys(), 6}), .beside = none({s.m(), 6})};
  const Compressed c = GetParam().compress(inputs);
  EXPECT_EQ(c.mixed.sizes(), (std::vector<int64_t>{0, 3, 5, 6}));
  EXPECT_EQ(outputs_of(inputs, c)[2].sizes(), (std::vector<int64_t>{0, 4, s.m()}));
  const Tensor rows = GetParam().restore(
      {.projected = c.projected, .bias = none({15}), .slots = none({0, 3, 5, 6}), .out_bias = none({6})});
  EXPECT_EQ(rows.sizes(), (std::vector<int64_t>{0, 4, 6}));
  const Tensor of_weight = torch::autograd::grad({c.mixed.sum() + rows.sum()}, {inputs.weight})[0];
  EXPECT_EQ(of_weight.abs().max().item<double>(), 0);
}

// Elsewhere than in float and bfloat16, and where a head has more slots than a tile has columns.
TEST(SlotRowsOnAGpu, LeaveWhatTheyDoNotTakeToTheDefinition) {
  for (const Sizes& s : {Sizes{.type = torch::kFloat64}, Sizes{.type = torch::kFloat16}, Sizes{.slots = 65}}) {
    EXPECT_FALSE(cuda::compress_rows_on<cuda::EmulatedGpu>(compress_inputs(s)));
    EXPECT_FALSE(cuda::restore_rows_on<cuda::EmulatedGpu>(restore_inputs(s)));
  }
  EXPECT_FALSE(cuda::compress_rows_on<cuda::EmulatedGpu>(compress_inputs({.r = 17})));
  CompressInputs mixed = compress_inputs({});
  mixed.weight = mixed.weight.to(torch::kBFloat16);
  EXPECT_FALSE(cuda::compress_rows_on<cuda::EmulatedGpu>(mixed));
}

}  // namespace
}  // namespace fusion
