#include "vision/fused_convolution.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "vision/own_convolution.h"

namespace vision {
namespace {

using OptionalText = std::optional<std::string_view>;
using Scalars = c10::List<std::optional<at::Scalar>>;

/// The operator that LibTorch registers under this name; `Function` is its signature.
template <class Function>
auto library_operator(const char* name, const char* overload) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).template typed<Function>();
}

/// oneDNN's, through the fused operators that LibTorch has for its own compiler.
class OneDnnConvolution : public FusedConvolution {
 public:
  OneDnnConvolution(const ConvolutionShape& shape, const ConvolutionWeights& weights, at::ScalarType type)
      : padding_{shape.kernel / 2, shape.kernel / 2}, stride_{shape.stride, shape.stride}, groups_(shape.groups) {
    plain_ = (weights.weight.to(torch::kFloat32) * weights.scale.view({-1, 1, 1, 1})).to(type).contiguous();
    bias_ = weights.bias.to(type);
  }

  torch::Tensor forward(const torch::Tensor& x, ActivationBuffer&, bool relu) override {
    using Pointwise =
        at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::SymIntArrayRef,
                   c10::SymIntArrayRef, c10::SymIntArrayRef, c10::SymInt, std::string_view, Scalars, OptionalText);
    static const auto convolve = library_operator<Pointwise>("mkldnn::_convolution_pointwise", "");
    order_for(x.sizes());
    return convolve.call(x, weight_, bias_, symbolic(padding_), symbolic(stride_), symbolic(dilation_), groups_,
                         relu ? "relu" : "none", Scalars(), "");
  }

  void add_forward(const torch::Tensor& x, torch::Tensor& sum) override {
    using Binary = at::Tensor&(at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                               c10::SymIntArrayRef, c10::SymIntArrayRef, c10::SymIntArrayRef, c10::SymInt,
                               std::string_view, std::optional<at::Scalar>, OptionalText, Scalars, OptionalText);
    static const auto convolve = library_operator<Binary>("mkldnn::_convolution_pointwise_", "binary");
    order_for(x.sizes());
    convolve.call(sum, x, weight_, bias_, symbolic(padding_), symbolic(stride_), symbolic(dilation_), groups_, "add",
                  std::nullopt, "relu", Scalars(), "");
  }

 private:
  static c10::SymIntArrayRef symbolic(const std::vector<int64_t>& numbers) { return c10::fromIntArrayRefSlow(numbers); }

  /// Which order is best depends on the input's size. Weights in another one would be put into it at every call, which
  /// can take three times as long as the convolution.
  void order_for(at::IntArrayRef size) {
    if (size_ == size) return;
    using Reorder = at::Tensor(const at::Tensor&, c10::SymIntArrayRef, c10::SymIntArrayRef, c10::SymIntArrayRef,
                               c10::SymInt, at::OptionalSymIntArrayRef);
    static const auto reorder = library_operator<Reorder>("mkldnn::_reorder_convolution_weight", "");
    size_ = size.vec();
    weight_ =
        reorder.call(plain_, symbolic(padding_), symbolic(stride_), symbolic(dilation_), groups_, symbolic(size_));
  }

  std::vector<int64_t> padding_;
  std::vector<int64_t> stride_;
  std::vector<int64_t> dilation_{1, 1};
  int64_t groups_;
  torch::Tensor plain_;        // (K, C / groups, kernel, kernel)
  std::vector<int64_t> size_;  // of the input that `weight_` is for
  torch::Tensor weight_;       // the same in oneDNN's own order
  torch::Tensor bias_;
};

}  // namespace

torch::Tensor ActivationBuffer::take(at::IntArrayRef shape) {
  const int64_t images = shape[0], channels = shape[1], height = shape[2], width = shape[3];
  const int64_t count = images * channels * height * width;
  if (!memory_.defined() || memory_.numel() < count) memory_ = on_large_pages(count);
  return memory_.narrow(0, 0, count).view({images, height, width, channels}).permute({0, 3, 1, 2});
}

ConvolutionWeights fold(const torch::Tensor& weight, const torch::Tensor& norm_weight, const torch::Tensor& norm_bias,
                        const torch::Tensor& running_mean, const torch::Tensor& running_var) {
  ConvolutionWeights folded;
  folded.weight = weight;
  folded.scale = norm_weight.to(torch::kFloat32) / (running_var.to(torch::kFloat32) + 1e-5).sqrt();
  folded.bias = norm_bias.to(torch::kFloat32) - running_mean.to(torch::kFloat32) * folded.scale;
  return folded;
}

std::unique_ptr<FusedConvolution> make_fused_convolution(const ConvolutionShape& shape,
                                                         const ConvolutionWeights& weights, at::ScalarType type,
                                                         WeightMemory* memory) {
  if (type == torch::kFloat32) {
    if (auto own = make_own_convolution(shape, weights, memory)) return own;
  }
  return std::make_unique<OneDnnConvolution>(shape, weights, type);
}

}  // namespace vision
