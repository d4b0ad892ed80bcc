#include "fusion/layer_norm.h"

#include <cmath>
#include <stdexcept>

#include "data/settings.h"
#include "fusion/residual_norm.h"

namespace fusion {
namespace {

constexpr const char* kStandard = "standard";
constexpr const char* kOpenvqa = "openvqa";
constexpr double kStandardEps = 1e-5;
// Keeps a constant row finite; small enough to be lost in rounding for every other row.
constexpr double kOpenvqaEps = 1e-12;

}  // namespace

const std::vector<std::string>& layer_norm_forms() {
  static const std::vector<std::string> all{kStandard, kOpenvqa};
  return all;
}

void LayerNormOptions::validate() const {
  data::check_name("layer-norm", form, layer_norm_forms());
  if (form == kOpenvqa && dim < 2) throw std::invalid_argument("layer-norm: openvqa needs a width of 2 or more");
}

LayerNormImpl::LayerNormImpl(const LayerNormOptions& options) : options_(options) {
  options.validate();
  weight_ = register_parameter("weight", torch::ones({options.dim}));
  bias_ = register_parameter("bias", torch::zeros({options.dim}));
}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& x) {
  return torch::layer_norm(x, {options_.dim}, scale(), bias_, eps());
}

torch::Tensor LayerNormImpl::after(const torch::Tensor& x, const torch::Tensor& branch, double dropout) {
  return residual_norm(x, branch, scale(), bias_, {.eps = eps(), .dropout = is_training() ? dropout : 0});
}

torch::Tensor LayerNormImpl::scale() const {
  if (options_.form == kStandard) return weight_;
  const auto dim = static_cast<double>(options_.dim);
  return weight_ * std::sqrt((dim - 1) / dim);  // of the biased deviation, as the unbiased one
}

double LayerNormImpl::eps() const { return options_.form == kStandard ? kStandardEps : kOpenvqaEps; }

}  // namespace fusion
