#include "text/lstm_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

using testing::HasSubstr;
using text::LstmEncoder;
using text::LstmEncoderOptions;

namespace {

LstmEncoderOptions small() {
  LstmEncoderOptions options;
  options.vocabulary_size = 20;
  options.word_dim = 6;
  options.dim = 5;
  return options;
}

torch::Tensor whole(std::vector<int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

// The LSTM's equations, written out: gates i, f, g, o stand in this order in the weights.
TEST(LstmEncoderTest, ComputesAnLstm) {
  torch::manual_seed(1);
  LstmEncoder encoder(small());
  const torch::NoGradGuard no_grad;
  auto p = encoder->named_parameters();
  const std::vector<int64_t> ids = {4, 9, 2};
  torch::Tensor h = torch::zeros({5});
  torch::Tensor c = torch::zeros({5});
  const torch::Tensor states = encoder->forward(whole(ids).unsqueeze(0), whole({3}))[0];
  for (size_t t = 0; t < ids.size(); ++t) {
    const torch::Tensor gates = p["lstm.weight_ih_l0"].mv(p["embedding.weight"][ids[t]]) + p["lstm.bias_ih_l0"] +
                                p["lstm.weight_hh_l0"].mv(h) + p["lstm.bias_hh_l0"];
    const auto gate = gates.chunk(4);
    c = gate[1].sigmoid() * c + gate[0].sigmoid() * gate[2].tanh();
    h = gate[3].sigmoid() * c.tanh();
    EXPECT_TRUE(torch::allclose(states[static_cast<int64_t>(t)], h, 1e-5, 1e-6)) << "token " << t;
  }
}

TEST(LstmEncoderTest, HasThePublishedNamesAndShapes) {
  const std::map<std::string, std::vector<int64_t>> expected = {{"embedding.weight", {1000, 300}},
                                                                {"lstm.weight_ih_l0", {2048, 300}},
                                                                {"lstm.weight_hh_l0", {2048, 512}},
                                                                {"lstm.bias_ih_l0", {2048}},
                                                                {"lstm.bias_hh_l0", {2048}}};
  LstmEncoderOptions options;
  options.vocabulary_size = 1000;
  const LstmEncoder encoder(options);
  std::map<std::string, std::vector<int64_t>> ours;
  for (const auto& item : encoder->named_parameters()) ours[item.key()] = item.value().sizes().vec();
  EXPECT_EQ(ours, expected);
  EXPECT_TRUE(encoder->named_buffers().is_empty());
  EXPECT_EQ(encoder->dim(), 512);
}

TEST(LstmEncoderTest, PaddingChangesNothing) {
  torch::manual_seed(2);
  LstmEncoder encoder(small());
  const torch::Tensor ids = torch::tensor({{4, 9, 2, 7, 3}, {5, 6, 0, 0, 0}, {8, 0, 0, 0, 0}}, torch::kInt64);
  const torch::Tensor together = encoder->forward(ids, whole({5, 2, 1}));
  EXPECT_EQ(together.sizes(), (std::vector<int64_t>{3, 5, 5}));
  const torch::Tensor alone = encoder->forward(ids.slice(0, 1, 2).slice(1, 0, 2), whole({2}));
  EXPECT_TRUE(torch::allclose(together[1].slice(0, 0, 2), alone[0], 1e-5, 1e-6));
  EXPECT_TRUE(together[1].slice(0, 2).eq(0).all().item<bool>());
  EXPECT_TRUE(together[2].slice(0, 1).eq(0).all().item<bool>());
  EXPECT_FALSE(together[0].eq(0).any().item<bool>());
}

TEST(LstmEncoderTest, WhatStandsInThePaddingHasNoInfluence) {
  torch::manual_seed(3);
  LstmEncoder encoder(small());
  const torch::Tensor lengths = whole({3, 2});
  const torch::Tensor zeros = encoder->forward(torch::tensor({{4, 9, 2}, {5, 6, 0}}, torch::kInt64), lengths);
  const torch::Tensor others = encoder->forward(torch::tensor({{4, 9, 2}, {5, 6, 17}}, torch::kInt64), lengths);
  EXPECT_TRUE(torch::equal(zeros, others));
  zeros.square().sum().backward();
  const torch::Tensor gradient = encoder->named_parameters()["embedding.weight"].grad();
  EXPECT_TRUE(gradient[0].eq(0).all().item<bool>());
  EXPECT_FALSE(gradient[6].eq(0).all().item<bool>());
}

TEST(LstmEncoderTest, RefusesLengthsThatCannotBe) {
  LstmEncoder encoder(small());
  const torch::Tensor ids = torch::tensor({{4, 9}, {3, 5}}, torch::kInt64);
  EXPECT_THROW(encoder->forward(ids, whole({2, 0})), std::invalid_argument);
  EXPECT_THROW(encoder->forward(ids, whole({3, 1})), std::invalid_argument);
}

TEST(LstmEncoderTest, GradientsReachEveryParameter) {
  LstmEncoder encoder(small());
  encoder->forward(torch::tensor({{4, 9}}, torch::kInt64), whole({2})).square().sum().backward();
  for (const auto& item : encoder->named_parameters())
    EXPECT_GT(item.value().grad().abs().sum().item<double>(), 0) << item.key();
}

// Questions that share beginnings, against LibTorch's own LSTM over every question for itself, in outputs and
// gradients.
TEST(LstmEncoderTest, SharedBeginningsChangeNothing) {
  torch::manual_seed(4);
  LstmEncoder encoder(small());
  const std::vector<std::vector<int64_t>> questions = {
      {4, 9, 2, 7, 3}, {4, 9, 2, 7, 5}, {4, 9}, {4, 9}, {4, 2, 2}, {8}, {4}, {9, 4}, {4, 9, 2, 1}};
  const auto count = static_cast<int64_t>(questions.size());
  torch::Tensor ids = torch::zeros({count, 5}, torch::kInt64), lengths = torch::zeros({count}, torch::kInt64);
  for (int64_t q = 0; q < count; ++q) {
    const auto& question = questions[static_cast<size_t>(q)];
    lengths[q] = static_cast<int64_t>(question.size());
    ids[q].slice(0, 0, lengths[q].item<int64_t>()).copy_(whole(question));
  }
  const torch::Tensor weight = torch::randn({count, 5, 5});
  const torch::Tensor ours = encoder->forward(ids, lengths);
  (ours * weight).sum().backward();
  std::map<std::string, torch::Tensor> gradients;
  for (const auto& item : encoder->named_parameters()) gradients[item.key()] = item.value().grad().clone();
  encoder->zero_grad();

  auto p = encoder->named_parameters();
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(6, 5).batch_first(true));
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : lstm->named_parameters()) item.value().copy_(p["lstm." + item.key()]);
  }
  torch::Tensor embedding = p["embedding.weight"].detach().clone().requires_grad_(true);
  for (int64_t q = 0; q < count; ++q) {
    const int64_t length = lengths[q].item<int64_t>();
    const torch::Tensor words = embedding.index_select(0, ids[q].slice(0, 0, length)).unsqueeze(0);
    const torch::Tensor alone = std::get<0>(lstm->forward(words))[0];
    EXPECT_TRUE(torch::allclose(ours[q].slice(0, 0, length), alone, 1e-5, 1e-6)) << "question " << q;
    (alone * weight[q].slice(0, 0, length)).sum().backward();
  }
  EXPECT_TRUE(torch::allclose(gradients["embedding.weight"], embedding.grad(), 1e-4, 1e-5));
  for (const auto& item : lstm->named_parameters())
    EXPECT_TRUE(torch::allclose(gradients["lstm." + item.key()], item.value().grad(), 1e-4, 1e-5)) << item.key();
}
