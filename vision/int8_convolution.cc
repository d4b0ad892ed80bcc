#include "vision/int8_convolution.h"

#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace vision {
namespace {

// Of the inputs, how many may be larger than the largest number that can be told apart.
constexpr double kClipped = 1e-4;
constexpr int64_t kSampled = 1 << 18;  // inputs looked at per forward pass

/// Without instructions for dot products of bytes, sums of two products of 8 by 8 bits overflow 16 bits and are cut
/// off; with inputs of 7 bits they cannot.
int64_t most_steps() { return __builtin_cpu_supports("avx512vnni") ? 255 : 127; }

using Stack = std::vector<c10::IValue>;

/// Calls the operator that LibTorch registers under this name, which returns one tensor.
torch::Tensor call(const char* name, const char* overload, Stack stack) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).callBoxed(stack);
  return stack.at(0).toTensor();
}

c10::List<int64_t> pair(int64_t number) { return c10::List<int64_t>({number, number}); }

c10::List<std::optional<at::Scalar>> no_scalars() { return c10::List<std::optional<at::Scalar>>(); }

}  // namespace

Int8Convolution::Int8Convolution(const ConvolutionShape& shape, const ConvolutionWeights& weights, WeightMemory* memory)
    : exact_(make_fused_convolution(shape, weights, torch::kFloat32, memory)), weights_(weights) {
  TORCH_CHECK(shape.kernel == 1 && shape.stride == 1 && shape.groups == 1, "not a plain 1x1 convolution");
}

torch::Tensor Int8Convolution::forward(const torch::Tensor& x, ActivationBuffer& buffer, bool relu) {
  if (exact_) {
    observe(x);
    return exact_->forward(x, buffer, relu);
  }
  return call(
      "onednn::qconv2d_pointwise", "",
      {quantize(x), input_scale_, int64_t{0}, packed_, scales_, zeros_, bias_, pair(1), pair(0), pair(1), int64_t{1},
       1.0, int64_t{0}, static_cast<int64_t>(torch::kFloat32), relu ? "relu" : "none", no_scalars(), ""});
}

void Int8Convolution::add_forward(const torch::Tensor& x, torch::Tensor& sum) {
  if (exact_) {
    observe(x);
    exact_->add_forward(x, sum);
    return;
  }
  const torch::Tensor result =
      call("onednn::qconv2d_pointwise", "binary", {quantize(x), input_scale_, int64_t{0},
                                                   packed_,     scales_,      zeros_,
                                                   sum,         bias_,        pair(1),
                                                   pair(0),     pair(1),      int64_t{1},
                                                   1.0,         int64_t{0},   static_cast<int64_t>(torch::kFloat32),
                                                   1.0,         int64_t{0},   "sum",
                                                   1.0,         "relu",       no_scalars(),
                                                   ""});
  if (!result.is_same(sum)) sum.copy_(result);
}

void Int8Convolution::finish_calibration() {
  if (observed_.empty()) throw std::logic_error("an 8-bit convolution has seen no input");
  // The median over pictures: one strange picture decides nothing.
  std::nth_element(observed_.begin(), observed_.begin() + observed_.size() / 2, observed_.end());
  input_scale_ = std::max(observed_[observed_.size() / 2], 1e-12F) / static_cast<double>(most_steps());

  const torch::Tensor weight = weights_.weight.to(torch::kFloat32).contiguous() * weights_.scale.view({-1, 1, 1, 1});
  scales_ = weight.abs().amax({1, 2, 3}).clamp_min(1e-12) / 127;
  const torch::Tensor rounded = (weight / scales_.view({-1, 1, 1, 1})).round().to(torch::kInt8);
  zeros_ = torch::zeros_like(scales_, torch::kInt32);
  bias_ = weights_.bias.contiguous();
  packed_ = call("onednn::qconv_prepack", "",
                 {rounded, scales_, input_scale_, int64_t{0}, pair(1), pair(0), pair(1), int64_t{1}, c10::IValue()});
  exact_.reset();
  weights_ = {};
  observed_ = {};
}

void Int8Convolution::observe(const torch::Tensor& x) {
  const torch::Tensor all = x.permute({0, 2, 3, 1}).reshape({-1});
  const int64_t step = std::max<int64_t>(1, all.numel() / kSampled) | 1;  // odd: over all channels in turn
  const torch::Tensor sample = all.slice(0, 0, std::nullopt, step);
  const int64_t rank = sample.numel() - static_cast<int64_t>(kClipped * static_cast<double>(sample.numel()));
  observed_.push_back(std::get<0>(sample.kthvalue(std::max<int64_t>(rank, 1))).item<float>());
}

torch::Tensor Int8Convolution::quantize(const torch::Tensor& x) {
  const torch::Tensor input = x.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t count = input.numel();
  if (!quantized_.defined() || quantized_.numel() < count) quantized_ = torch::empty({count}, torch::kUInt8);
  const float* from = input.data_ptr<float>();
  uint8_t* to = quantized_.data_ptr<uint8_t>();
  const float factor = static_cast<float>(1 / input_scale_);
  const float most = static_cast<float>(most_steps());
  at::parallel_for(0, count, 1 << 15, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = static_cast<uint8_t>(std::min(from[i] * factor + 0.5F, most));
  });
  return quantized_.narrow(0, 0, count).view({x.size(0), x.size(2), x.size(3), x.size(1)}).permute({0, 3, 1, 2});
}

}  // namespace vision
