#include "fusion/small_product.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace fusion {
namespace {

using torch::Tensor;

template <class T>
Matrix<T> matrix_of(const Tensor& x) {
  return {static_cast<T*>(x.data_ptr()), x.size(0), x.size(1), x.stride(0), x.stride(1)};
}

struct Sizes {
  int64_t m, k, n;
};

template <class T>
void expect_product(const Sizes& sizes, bool turned, bool starts) {
  const auto type = c10::CppTypeToScalarType<T>::value;
  const auto matrix = [&](int64_t rows, int64_t columns) {
    return turned ? torch::randn({columns, rows}, type).t() : torch::randn({rows, columns}, type);
  };
  torch::manual_seed(5);
  const Tensor a = matrix(sizes.m, sizes.k), b = matrix(sizes.k, sizes.n), c = matrix(sizes.m, sizes.n);
  const Tensor start = torch::randn({sizes.m}, type), scratch = torch::empty({sizes.k * sizes.n}, type);
  multiply_small(SmallProduct<T>{matrix_of<const T>(a), matrix_of<const T>(b), matrix_of<T>(c), scratch.data_ptr<T>(),
                                 starts ? start.data_ptr<T>() : nullptr});
  const Tensor sum = starts ? start.unsqueeze(1) : torch::zeros({1, 1}, type);
  const double terms = (torch::mm(a.abs(), b.abs()) + sum.abs()).max().item<double>();  // of which rounding is a share
  EXPECT_LT((c - (torch::mm(a, b) + sum)).abs().max().item<double>(), 2e-6 * terms)
      << sizes.m << " x " << sizes.k << " x " << sizes.n;
}

// Tiles of some rows and of one or two vectors, and what is left over of both.
TEST(SmallProduct, IsTheProductOfMatricesOfAnySizeAndOrder) {
  for (const int64_t m : {1, 7, 8, 19, 37}) {
    for (const int64_t n : {1, 3, 4, 15, 16, 17, 32, 53}) {
      for (const auto& [turned, starts] : {std::pair{false, false}, {false, true}, {true, false}, {true, true}}) {
        expect_product<float>({m, 13, n}, turned, starts);
        expect_product<double>({m, 13, n}, turned, starts);
      }
    }
  }
}

TEST(SmallProduct, OfNothingIsWhatItStartsWith) {
  const Tensor c = torch::full({3, 5}, 9.0F), start = torch::tensor({1.0F, 2.0F, 3.0F});
  multiply_small(
      SmallProduct<float>{{nullptr, 3, 0}, {nullptr, 0, 5}, matrix_of<float>(c), nullptr, start.data_ptr<float>()});
  EXPECT_TRUE(torch::equal(c, start.unsqueeze(1).expand({3, 5})));
}

}  // namespace
}  // namespace fusion
