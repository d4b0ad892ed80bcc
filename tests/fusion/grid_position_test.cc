#include "fusion/grid_position.h"

#include <gtest/gtest.h>

namespace fusion {
namespace {

TEST(GridPosition, TellsEveryCellFromEveryOther) {
  for (const char* form : {"learned", "sine"}) {
    GridPosition position(GridPositionOptions{.form = form, .dim = 16});
    const torch::NoGradGuard no_grad;
    const torch::Tensor cells = position(torch::zeros({1, 12, 16}), 3, 4)[0];  // (12, 16)
    const torch::Tensor distance = torch::cdist(cells, cells) + 1e9 * torch::eye(12);
    EXPECT_GT(distance.min().item<double>(), 1e-3) << form;
  }
}

TEST(GridPosition, CountsCellsRowByRow) {
  GridPosition position(GridPositionOptions{.form = "learned", .dim = 4});
  const torch::Tensor cells = position(torch::zeros({1, 6, 4}), 2, 3)[0];
  const auto p = position->named_parameters();
  EXPECT_TRUE(torch::allclose(cells[4], p["rows"][1] + p["columns"][1]));
}

TEST(GridPosition, GridsOfDifferentSizesEqualEachAlone) {
  for (const char* form : {"none", "learned", "sine"}) {
    GridPosition position(GridPositionOptions{.form = form, .dim = 8});
    const torch::NoGradGuard no_grad;
    const torch::Tensor cells = torch::randn({3, 12, 8});
    const torch::Tensor sizes = torch::tensor({{3, 4}, {2, 3}, {1, 5}}, torch::kInt64);
    const torch::Tensor together = position->forward_each(cells, sizes);
    for (int64_t i = 0; i < 3; ++i) {
      const auto height = sizes[i][0].item<int64_t>(), width = sizes[i][1].item<int64_t>();
      const torch::Tensor alone = position(cells.narrow(0, i, 1).narrow(1, 0, height * width), height, width);
      EXPECT_TRUE(torch::equal(together.narrow(0, i, 1).narrow(1, 0, height * width), alone)) << form;
    }
  }
}

TEST(GridPosition, NoneAddsNothing) {
  GridPosition position(GridPositionOptions{.form = "none", .dim = 4});
  const torch::Tensor x = torch::randn({1, 6, 4});
  EXPECT_TRUE(torch::equal(position(x, 2, 3), x));
  EXPECT_TRUE(torch::equal(position->forward_each(x, torch::Tensor()), x));
  EXPECT_TRUE(position->parameters().empty());
}

TEST(GridPosition, RefusesWhatItCannotPlace) {
  EXPECT_THROW(GridPosition(GridPositionOptions{.form = "polar"}), std::invalid_argument);
  EXPECT_THROW(GridPosition(GridPositionOptions{.form = "sine", .dim = 6}), std::invalid_argument);
  GridPosition position(GridPositionOptions{.form = "learned", .dim = 4, .max_side = 2});
  EXPECT_THROW(position(torch::zeros({1, 6, 4}), 2, 3), std::invalid_argument);
  EXPECT_THROW(position->forward_each(torch::zeros({1, 6, 4}), torch::Tensor()), std::invalid_argument);
}

}  // namespace
}  // namespace fusion
