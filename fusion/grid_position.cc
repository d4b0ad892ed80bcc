#include "fusion/grid_position.h"

#include <cmath>
#include <stdexcept>

#include "data/settings.h"

namespace fusion {
namespace {

constexpr double kLearnedDeviation = 0.02;  // of the initial vectors, as BERT's positions
constexpr double kLongestPeriod = 10000;    // of the sines, as in Vaswani et al. 2017

}  // namespace

void GridPositionOptions::validate() const {
  data::check_name("grid-position", form, {"none", "learned", "sine"});
  if (form == "sine" && dim % 4 != 0) {
    throw std::invalid_argument("grid-position: sine needs a dim that is a multiple of 4, not " + std::to_string(dim));
  }
}

GridPositionImpl::GridPositionImpl(const GridPositionOptions& options) : options_(options) {
  options.validate();
  if (options.form != "learned") return;
  rows_ = register_parameter("rows", torch::randn({options.max_side, options.dim}) * kLearnedDeviation);
  columns_ = register_parameter("columns", torch::randn({options.max_side, options.dim}) * kLearnedDeviation);
}

torch::Tensor GridPositionImpl::forward(const torch::Tensor& cells, int64_t height, int64_t width) {
  if (options_.form == "none") return cells;
  torch::Tensor position;  // (height, width, dim)
  if (options_.form == "learned") {
    if (height > options_.max_side || width > options_.max_side) {
      throw std::invalid_argument("grid of " + std::to_string(height) + "x" + std::to_string(width) +
                                  " cells: learned positions reach to " + std::to_string(options_.max_side) +
                                  " a side; use smaller images or sine positions");
    }
    position = rows_.narrow(0, 0, height).unsqueeze(1) + columns_.narrow(0, 0, width).unsqueeze(0);
  } else {
    const torch::Tensor y = sine(height, cells.options()).unsqueeze(1).expand({height, width, -1});
    const torch::Tensor x = sine(width, cells.options()).unsqueeze(0).expand({height, width, -1});
    position = torch::cat({y, x}, -1);
  }
  return cells + position.flatten(0, 1);  // (I, height * width, dim)
}

torch::Tensor GridPositionImpl::sine(int64_t count, const torch::TensorOptions& options) const {
  const int64_t periods = options_.dim / 4;
  const torch::Tensor at = torch::arange(count, options).unsqueeze(1);  // (count, 1)
  const torch::Tensor rate =
      torch::exp(torch::arange(periods, options) * (-std::log(kLongestPeriod) / static_cast<double>(periods)));
  const torch::Tensor angle = at * rate;  // (count, dim / 4)
  return torch::cat({angle.sin(), angle.cos()}, -1);
}

}  // namespace fusion
