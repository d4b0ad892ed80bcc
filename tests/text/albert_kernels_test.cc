#include "text/albert_kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "data/vector_math.h"

using text::BFloat16;

namespace {

float widen(BFloat16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

double gelu_new(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

std::vector<BFloat16> narrow(const std::vector<float>& numbers) {
  std::vector<BFloat16> halves(numbers.size());
  text::convert(numbers.data(), static_cast<int64_t>(numbers.size()), halves.data());
  return halves;
}

}  // namespace

TEST(FastExpTest, IsExact) {
  for (double x = -86; x < 88; x += 0.0137) {
    const double exact = std::exp(static_cast<double>(static_cast<float>(x)));
    EXPECT_NEAR(data::fast_exp(static_cast<float>(x)) / exact, 1, 4e-7) << x;
  }
  EXPECT_EQ(data::fast_exp(0), 1);
  EXPECT_LT(data::fast_exp(-std::numeric_limits<float>::infinity()), 1e-37);
  EXPECT_GT(data::fast_exp(1e30F), 1e38F);
  EXPECT_TRUE(std::isnan(data::fast_exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(AddBiasGeluTest, IsTheFormula) {
  constexpr int64_t kColumns = 19;
  std::vector<float> x, bias(kColumns, 0.25F);
  for (int i = 0; i < 200 * kColumns; ++i) x.push_back(static_cast<float>(i - 100 * kColumns) * 0.01F);
  std::vector<float> ours = x;
  text::add_bias_gelu(ours.data(), bias.data(), 200, kColumns);
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = gelu_new(static_cast<double>(x[i]) + 0.25);
    EXPECT_NEAR(ours[i], expected, 2e-6 * std::max(1.0, std::abs(expected))) << x[i];
  }
  std::vector<BFloat16> halves = narrow(x);
  const std::vector<BFloat16> before = halves;
  text::add_bias_gelu(halves.data(), bias.data(), 200, kColumns);
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = gelu_new(static_cast<double>(widen(before[i])) + 0.25);
    EXPECT_NEAR(widen(halves[i]), expected, 1e-6 + std::abs(expected) / 256) << x[i];
  }
}

TEST(AddNormTest, IsTheFormula) {
  constexpr int kDim = 37;
  std::vector<float> x, residual, bias, scale, shift;
  for (int i = 0; i < 2 * kDim; ++i) {
    x.push_back(std::sin(static_cast<float>(i * i)) * 3);
    residual.push_back(std::cos(static_cast<float>(i)) + 5);
    bias.push_back(static_cast<float>(i % 5));
    scale.push_back(1 + static_cast<float>(i % 7));
    shift.push_back(static_cast<float>(i % 3));
  }
  std::vector<float> ours = x;
  text::add_norm(ours.data(), residual.data(), 2, {bias.data(), scale.data(), shift.data(), kDim, 1e-3F});
  for (size_t r = 0; r < 2; ++r) {
    double mean = 0, variance = 0;
    const auto sum = [&](size_t j) { return double{x[r * kDim + j]} + bias[j] + residual[r * kDim + j]; };
    for (size_t j = 0; j < kDim; ++j) mean += sum(j) / kDim;
    for (size_t j = 0; j < kDim; ++j) variance += (sum(j) - mean) * (sum(j) - mean) / kDim;
    for (size_t j = 0; j < kDim; ++j) {
      const double expected = (sum(j) - mean) / std::sqrt(variance + 1e-3F) * scale[j] + shift[j];
      EXPECT_NEAR(ours[r * kDim + j], expected, 1e-5) << r << " " << j;
    }
  }
}

TEST(ConvertTest, RoundsToTheNearestAndOfTwoToTheEven) {
  const std::vector<std::pair<float, uint32_t>> cases = {
      {1.F, 0x3F80}, {-2.5F, 0xC020}, {0x1.01p0F, 0x3F80}, {0x1.03p0F, 0x3F82}, {0x1.010002p0F, 0x3F81}, {0.F, 0}};
  for (const auto& [number, bits] : cases) EXPECT_EQ(narrow({number})[0].bits, bits) << number;
  EXPECT_TRUE(std::isnan(widen(narrow({std::numeric_limits<float>::quiet_NaN()})[0])));
  EXPECT_TRUE(std::isinf(widen(narrow({std::numeric_limits<float>::infinity()})[0])));
}
