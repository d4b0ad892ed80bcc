#include "vision/fused_convolution.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/golden/golden.h"

using vision::ActivationBuffer;
using vision::ConvolutionShape;
using vision::ConvolutionWeights;

namespace {

/// The number of threads for as long as this lives.
struct Threads {
  explicit Threads(int count) : before(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before); }
  int before;
};

ConvolutionWeights random_weights(const ConvolutionShape& shape) {
  const int64_t in = shape.in / shape.groups;
  const double deviation = 1 / std::sqrt(static_cast<double>(in * shape.kernel * shape.kernel));
  return {torch::randn({shape.out, in, shape.kernel, shape.kernel}) * deviation, torch::rand({shape.out}) + 0.5,
          torch::randn({shape.out})};
}

/// By the definition, in double precision.
torch::Tensor expected_sum(const ConvolutionShape& shape, const ConvolutionWeights& w, const torch::Tensor& x) {
  const torch::Tensor weight = w.weight.to(torch::kFloat64) * w.scale.to(torch::kFloat64).view({-1, 1, 1, 1});
  return torch::conv2d(x.to(torch::kFloat64), weight, w.bias.to(torch::kFloat64), shape.stride, shape.kernel / 2, 1,
                       shape.groups);
}

/// The largest relative error of plain, ReLU and sum, for one shape and size.
double error_of(const ConvolutionShape& shape, at::IntArrayRef size) {
  torch::manual_seed(shape.in + shape.out);
  const ConvolutionWeights weights = random_weights(shape);
  const torch::Tensor x =
      torch::randn({size[0], shape.in, size[1], size[2]}).contiguous(at::MemoryFormat::ChannelsLast);
  const torch::Tensor expected = expected_sum(shape, weights, x);
  vision::WeightMemory memory;
  const auto convolution = vision::make_fused_convolution(shape, weights, torch::kFloat32, &memory);
  ActivationBuffer buffer;
  const auto error = [](const torch::Tensor& ours, const torch::Tensor& theirs) {
    return golden::relative_error(ours.to(torch::kFloat64), theirs);
  };
  double worst = error(convolution->forward(x, buffer, false), expected);
  worst = std::max(worst, error(convolution->forward(x, buffer, true), expected.relu()));
  torch::Tensor sum = torch::randn(expected.sizes()).contiguous(at::MemoryFormat::ChannelsLast);
  const torch::Tensor expected_residual = (expected + sum).relu();
  convolution->add_forward(x, sum);
  return std::max(worst, error(sum, expected_residual));
}

/// Winograd's transforms multiply and subtract larger numbers than they give: that costs half a digit.
double tolerance(const ConvolutionShape& shape) { return shape.kernel == 3 && shape.stride == 1 ? 3e-5 : 5e-6; }

ConvolutionShape shape_of(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
  return {"conv", "bn", in, out, kernel, stride, groups};
}

}  // namespace

TEST(FusedConvolutionTest, EqualsTheDefinitionForEveryKindAndSize) {
  const std::vector<ConvolutionShape> shapes = {
      shape_of(64, 64, 1),    shape_of(64, 256, 1),      shape_of(320, 80, 1),  shape_of(1024, 32, 1),
      shape_of(40, 48, 1, 2), shape_of(64, 64, 3),       shape_of(40, 80, 3),   shape_of(8, 16, 3),
      shape_of(48, 32, 3, 2), shape_of(40, 40, 3),       shape_of(3, 64, 7, 2), shape_of(64, 64, 3, 1, 8),
      shape_of(3, 24, 3, 2),  shape_of(64, 64, 3, 2, 16)};
  const std::vector<std::vector<int64_t>> sizes = {{1, 1, 1}, {1, 7, 5}, {2, 14, 13}, {3, 9, 16}};
  for (const int threads : {1, 2, 5}) {
    const Threads set(threads);
    for (const ConvolutionShape& shape : shapes) {
      for (const auto& size : sizes) {
        EXPECT_LT(error_of(shape, size), tolerance(shape))
            << shape.in << " to " << shape.out << ", kernel " << shape.kernel << ", stride " << shape.stride
            << ", groups " << shape.groups << ", " << size << ", threads " << threads;
      }
    }
  }
}

// More tiles than are transformed at a time, and than are multiplied at a time.
TEST(FusedConvolutionTest, LargeImagesAreDoneInParts) {
  EXPECT_LT(error_of(shape_of(512, 32, 3), {1, 49, 61}), 3e-5);
  EXPECT_LT(error_of(shape_of(16, 16, 3), {1, 150, 131}), 3e-5);
  EXPECT_LT(error_of(shape_of(64, 16, 1), {2, 57, 43}), 5e-6);
}

TEST(FusedConvolutionTest, WeightsMayBeInAnyOrderAndType) {
  for (const int64_t kernel : {1, 3}) {
    const ConvolutionShape shape = shape_of(32, 32, kernel);
    ConvolutionWeights weights = random_weights(shape);
    weights.weight = weights.weight.to(torch::kFloat16);
    const torch::Tensor x = torch::randn({1, 32, 6, 6});
    const torch::Tensor expected = expected_sum(shape, weights, x);
    ActivationBuffer buffer;
    weights.weight = weights.weight.contiguous(at::MemoryFormat::ChannelsLast);
    vision::WeightMemory memory;
    const auto convolution = vision::make_fused_convolution(shape, weights, torch::kFloat32, &memory);
    EXPECT_LT(golden::relative_error(convolution->forward(x, buffer, false).to(torch::kFloat64), expected), 1e-5);
  }
}

TEST(FusedConvolutionTest, SameBitsEveryTimeOnAnyNumberOfThreads) {
  for (const int64_t kernel : {1, 3}) {
    const ConvolutionShape shape = shape_of(64, 64, kernel);
    vision::WeightMemory memory;
    const auto convolution = vision::make_fused_convolution(shape, random_weights(shape), torch::kFloat32, &memory);
    const torch::Tensor x = torch::randn({2, 64, 29, 31}).contiguous(at::MemoryFormat::ChannelsLast);
    ActivationBuffer buffer;
    const torch::Tensor first = convolution->forward(x, buffer, true).clone();
    for (const int threads : {1, 3}) {
      const Threads set(threads);
      EXPECT_TRUE(torch::equal(convolution->forward(x, buffer, true), first)) << kernel << ", threads " << threads;
    }
  }
}

TEST(FusedConvolutionTest, FoldsABatchNorm) {
  const torch::Tensor x = torch::randn({2, 8, 3, 3});
  const torch::Tensor weight = torch::randn({4, 8, 1, 1}), scale = torch::rand({4}), bias = torch::randn({4});
  const torch::Tensor mean = torch::randn({4}), variance = torch::rand({4});
  const torch::Tensor expected =
      torch::batch_norm(torch::conv2d(x, weight), scale, bias, mean, variance, false, 0.1, 1e-5, false);
  const ConvolutionWeights folded = vision::fold(weight, scale, bias, mean, variance);
  const torch::Tensor ours = torch::conv2d(x, folded.weight * folded.scale.view({-1, 1, 1, 1}), folded.bias);
  EXPECT_LT(golden::relative_error(ours, expected), 1e-5);
}
