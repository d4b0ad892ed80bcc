#include "fusion/layer_norm.h"

#include <cmath>
#include <stdexcept>

#include "data/settings.h"

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
  if (options_.form == kStandard) return torch::layer_norm(x, {options_.dim}, weight_, bias_, kStandardEps);
  const double dim = static_cast<double>(options_.dim);
  const double unbiased = std::sqrt((dim - 1) / dim);
  return torch::layer_norm(x, {options_.dim}, weight_ * unbiased, bias_, kOpenvqaEps);
}

}  // namespace fusion
