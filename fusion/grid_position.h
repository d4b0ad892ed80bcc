// Where a grid cell lies, added to its features.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

namespace fusion {

/// none: nothing is added.
/// learned: a vector per row plus a vector per column.
/// sine: sines and cosines of row and column (Vaswani et al. 2017, 3.5, per axis).
const std::vector<std::string>& grid_position_forms();

struct GridPositionOptions {
  std::string form = "learned";  // one of grid_position_forms()
  int64_t dim = 512;             // width; sine needs a multiple of 4
  int64_t max_side = 64;         // learned: rows and columns there are vectors for

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// Adds the position to grid features whose cells stand row by row.
class GridPositionImpl : public torch::nn::Module {
 public:
  explicit GridPositionImpl(const GridPositionOptions& options);

  /// `cells` (I, height * width, dim) -> the same shape. Throws std::invalid_argument where a learned grid has more
  /// rows or columns than max_side.
  torch::Tensor forward(const torch::Tensor& cells, int64_t height, int64_t width);

  /// The same for images with grids of their own sizes: `cells` (I, n, dim), padded, and `sizes` (I, 2) int64 on the
  /// CPU, rows and columns, n at least rows * columns. Undefined sizes, of cells that have no rows and columns, are
  /// refused by std::invalid_argument except where no position is added.
  torch::Tensor forward_each(const torch::Tensor& cells, const torch::Tensor& sizes);

 private:
  /// What is added in each row and in each column.
  struct Tables {
    torch::Tensor rows, columns;  // (height, dim), (width, dim)
  };
  Tables tables(int64_t height, int64_t width, const torch::TensorOptions& options) const;
  torch::Tensor sine(int64_t count, const torch::TensorOptions& options) const;  // (count, dim / 2)

  GridPositionOptions options_;
  torch::Tensor rows_, columns_;  // (max_side, dim), learned only
};
TORCH_MODULE(GridPosition);

}  // namespace fusion
