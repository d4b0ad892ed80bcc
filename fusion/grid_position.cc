#include "fusion/grid_position.h"

#include <cmath>
#include <stdexcept>

#include "data/settings.h"

namespace fusion {
namespace {

constexpr const char* kNone = "none";
constexpr const char* kLearned = "learned";
constexpr const char* kSine = "sine";
constexpr double kLearnedDeviation = 0.02;  // of the initial vectors, as BERT's positions
constexpr double kLongestPeriod = 10000;    // of the sines, as in Vaswani et al. 2017

}  // namespace

const std::vector<std::string>& grid_position_forms() {
  static const std::vector<std::string> all{kNone, kLearned, kSine};
  return all;
}

void GridPositionOptions::validate() const {
  data::check_name("grid-position", form, grid_position_forms());
  if (form == kSine && dim % 4 != 0) {
    throw std::invalid_argument("grid-position: sine needs a dim that is a multiple of 4, not " + std::to_string(dim));
  }
}

GridPositionImpl::GridPositionImpl(const GridPositionOptions& options) : options_(options) {
  options.validate();
  if (options.form != kLearned) return;
  rows_ = register_parameter("rows", torch::randn({options.max_side, options.dim}) * kLearnedDeviation);
  columns_ = register_parameter("columns", torch::randn({options.max_side, options.dim}) * kLearnedDeviation);
}

torch::Tensor GridPositionImpl::forward(const torch::Tensor& cells, int64_t height, int64_t width) {
  if (options_.form == kNone) return cells;
  const Tables added = tables(height, width, cells.options());
  const torch::Tensor position = added.rows.unsqueeze(1) + added.columns.unsqueeze(0);  // (height, width, dim)
  return cells + position.flatten(0, 1);                                                // (I, height * width, dim)
}

torch::Tensor GridPositionImpl::forward_each(const torch::Tensor& cells, const torch::Tensor& sizes) {
  if (options_.form == kNone) return cells;
  if (!sizes.defined()) {
    throw std::invalid_argument("grid-position: cells without rows and columns have no position; use none, not " +
                                options_.form);
  }
  const auto height = sizes.select(1, 0).max().item<int64_t>(), width = sizes.select(1, 1).max().item<int64_t>();
  const torch::Tensor columns = sizes.select(1, 1).unsqueeze(1);               // (I, 1)
  const torch::Tensor cell = torch::arange(cells.size(1)).unsqueeze(0);        // (1, n)
  const torch::Tensor row = cell.div(columns, "floor").clamp_max(height - 1);  // (I, n); padded cells get any row
  const torch::Tensor column = cell.remainder(columns);                        // (I, n)
  const Tables added = tables(height, width, cells.options());
  const torch::Device device = cells.device();
  return cells + (added.rows.index({row.to(device)}) + added.columns.index({column.to(device)}));
}

GridPositionImpl::Tables GridPositionImpl::tables(int64_t height, int64_t width,
                                                  const torch::TensorOptions& options) const {
  if (options_.form == kSine) {
    // The first half of the width tells the row, the second the column.
    const int64_t half = options_.dim / 2;
    return {torch::constant_pad_nd(sine(height, options), {0, half}),
            torch::constant_pad_nd(sine(width, options), {half, 0})};
  }
  if (height > options_.max_side || width > options_.max_side) {
    throw std::invalid_argument("grid of " + std::to_string(height) + "x" + std::to_string(width) +
                                " cells: learned positions reach to " + std::to_string(options_.max_side) +
                                " a side; use smaller images or sine positions");
  }
  return {rows_.narrow(0, 0, height), columns_.narrow(0, 0, width)};
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
