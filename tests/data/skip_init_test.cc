#include "data/skip_init.h"

#include <gtest/gtest.h>

namespace data {
namespace {

torch::nn::Linear linear() { return torch::nn::Linear(8, 8); }

TEST(SkipInit, DrawsNothingWhileItLives) {
  torch::manual_seed(1);
  {
    const data::SkipInit undefined;
    EXPECT_EQ(linear()->weight.sizes(), (std::vector<int64_t>{8, 8}));
    torch::nn::LSTM(torch::nn::LSTMOptions(4, 4));
    torch::nn::Embedding(4, 4);
  }
  const torch::Tensor after = linear()->weight;
  torch::manual_seed(1);
  EXPECT_TRUE(torch::equal(after, linear()->weight));
}

TEST(SkipInit, OtherWorkIsAsEver) {
  const data::SkipInit undefined;
  EXPECT_EQ((torch::ones({3}) + torch::arange(3)).sum().item<double>(), 6);
}

}  // namespace
}  // namespace data
