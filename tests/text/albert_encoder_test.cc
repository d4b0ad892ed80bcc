#include "text/albert_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "tests/data/error_of.h"
#include "tests/text/small_albert.h"

using testing::HasSubstr;
using text::AlbertEncoder;
using text::AlbertOptions;

namespace {

torch::Tensor whole(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

torch::Tensor norm(const torch::Tensor& x, const torch::OrderedDict<std::string, torch::Tensor>& p,
                   const std::string& name) {
  return torch::layer_norm(x, {x.size(-1)}, p[name + ".weight"], p[name + ".bias"], 1e-12);
}

torch::Tensor linear(const torch::Tensor& x, const torch::OrderedDict<std::string, torch::Tensor>& p,
                     const std::string& name) {
  return torch::linear(x, p[name + ".weight"], p[name + ".bias"]);
}

/// ALBERT over padded questions, as it is published: (Q, T, D), and what stands past a length means nothing.
torch::Tensor padded_albert(const AlbertEncoder& encoder, const AlbertOptions& options, const SmallQuestions& given) {
  const auto p = encoder->named_parameters();
  const int64_t t = given.ids.size(1), heads = options.heads;
  const torch::Tensor hidden = torch::arange(t) >= given.lengths.unsqueeze(1);  // (Q, T)
  torch::Tensor x = p["embeddings.word_embeddings.weight"].index({given.ids}) +
                    p["embeddings.position_embeddings.weight"].slice(0, 0, t) +
                    p["embeddings.token_type_embeddings.weight"][0];
  x = linear(norm(x, p, "embeddings.LayerNorm"), p, "encoder.embedding_hidden_mapping_in");
  const auto split = [&](const torch::Tensor& y) { return y.unflatten(2, {heads, -1}).transpose(1, 2); };
  const std::vector<int64_t> groups = {0, 0, 1};  // 0, 1 and 2 divided by 3 / 2
  for (const int64_t group : groups) {
    for (int64_t inner = 0; inner < options.inner_layers; ++inner) {
      const std::string layer =
          "encoder.albert_layer_groups." + std::to_string(group) + ".albert_layers." + std::to_string(inner) + ".";
      const torch::Tensor q = split(linear(x, p, layer + "attention.query"));
      const torch::Tensor k = split(linear(x, p, layer + "attention.key"));
      const torch::Tensor v = split(linear(x, p, layer + "attention.value"));
      const torch::Tensor scores = q.matmul(k.transpose(2, 3)) / std::sqrt(static_cast<double>(q.size(3)));
      const torch::Tensor weights =
          scores.masked_fill(hidden.unsqueeze(1).unsqueeze(1), -std::numeric_limits<float>::infinity()).softmax(3);
      const torch::Tensor context = weights.matmul(v).transpose(1, 2).flatten(2);
      x = norm(x + linear(context, p, layer + "attention.dense"), p, layer + "attention.LayerNorm");
      torch::Tensor y = linear(x, p, layer + "ffn");
      if (options.activation == "relu") {
        y = y.clamp_min(0);
      } else if (options.activation == "gelu") {
        y = 0.5 * y * (1 + torch::erf(y / std::sqrt(2.0)));
      } else {
        y = 0.5 * y * (1 + torch::tanh(std::sqrt(2 / M_PI) * (y + 0.044715 * y.pow(3))));
      }
      x = norm(linear(y, p, layer + "ffn_output") + x, p, layer + "full_layer_layer_norm");
    }
  }
  return x.masked_fill(hidden.unsqueeze(2), 0);
}

double difference(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

class Activation : public testing::TestWithParam<const char*> {};

TEST_P(Activation, IsAsPublishedInBothWays) {
  AlbertOptions options = small_albert_options();
  options.activation = GetParam();
  AlbertEncoder encoder = small_albert(options);
  const SmallQuestions given = small_questions();
  const torch::Tensor expected = padded_albert(encoder, options, given);
  EXPECT_LT(difference(encoder->forward(given.ids, given.lengths), expected), 2e-5);
  const torch::NoGradGuard no_grad;
  EXPECT_LT(difference(encoder->forward(given.ids, given.lengths), expected), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(All, Activation, testing::Values("gelu_new", "gelu", "relu"));

TEST(AlbertEncoderTest, GradientsAreThoseOfThePaddedComposition) {
  AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  const torch::Tensor weight = torch::randn({5, 11, 24});
  std::map<std::string, torch::Tensor> ours;
  (encoder->forward(given.ids, given.lengths) * weight).sum().backward();
  for (const auto& item : encoder->named_parameters()) {
    ours[item.key()] = item.value().grad().clone();
    item.value().mutable_grad() = torch::Tensor();
  }
  (padded_albert(encoder, small_albert_options(), given) * weight).sum().backward();
  for (const auto& item : encoder->named_parameters()) {
    const torch::Tensor theirs = item.value().grad();
    // What is added to every key changes no probability: that gradient is rounding alone.
    const double size = item.key().ends_with("key.bias") ? 1 : theirs.abs().max().item<double>();
    EXPECT_LT(difference(ours[item.key()], theirs), 1e-4 * size) << item.key();
    EXPECT_GT(size, 0) << item.key();
  }
}

TEST(AlbertEncoderTest, HasHuggingFacesNamesAndShapesAndBegins) {
  AlbertOptions options;
  options.layers = 2;
  const AlbertEncoder encoder(options);
  const auto p = encoder->named_parameters();
  EXPECT_EQ(p.size(), 23);
  const std::string layer = "encoder.albert_layer_groups.0.albert_layers.0.";
  const std::map<std::string, std::vector<int64_t>> some = {{"embeddings.word_embeddings.weight", {30000, 128}},
                                                            {"embeddings.position_embeddings.weight", {512, 128}},
                                                            {"embeddings.token_type_embeddings.weight", {2, 128}},
                                                            {"embeddings.LayerNorm.bias", {128}},
                                                            {"encoder.embedding_hidden_mapping_in.weight", {768, 128}},
                                                            {layer + "attention.query.weight", {768, 768}},
                                                            {layer + "attention.LayerNorm.weight", {768}},
                                                            {layer + "ffn.weight", {3072, 768}},
                                                            {layer + "ffn_output.weight", {768, 3072}},
                                                            {layer + "full_layer_layer_norm.bias", {768}}};
  for (const auto& [name, sizes] : some) EXPECT_EQ(p[name].sizes(), at::IntArrayRef(sizes)) << name;
  EXPECT_NEAR(p[layer + "ffn.weight"].std().item<double>(), 0.02, 1e-3);
  EXPECT_TRUE(p["embeddings.word_embeddings.weight"][0].eq(0).all().item<bool>());
  EXPECT_TRUE(p[layer + "attention.LayerNorm.weight"].eq(1).all().item<bool>());
  EXPECT_TRUE(p[layer + "ffn.bias"].eq(0).all().item<bool>());
  EXPECT_EQ(encoder->dim(), 768);
}

TEST(AlbertEncoderTest, AQuestionAloneIsTheSameAsAmongOthers) {
  AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  for (const bool record : {true, false}) {
    const torch::AutoGradMode mode(record);
    const torch::Tensor together = encoder->forward(given.ids, given.lengths);
    for (int64_t q = 0; q < 5; ++q) {
      const int64_t length = given.lengths[q].item<int64_t>();
      const torch::Tensor alone =
          encoder->forward(given.ids.slice(0, q, q + 1).slice(1, 0, length), given.lengths.slice(0, q, q + 1));
      EXPECT_LT(difference(together[q].slice(0, 0, length), alone[0]), 1e-5) << q;
      EXPECT_TRUE(together[q].slice(0, length).eq(0).all().item<bool>()) << q;
    }
  }
}

TEST(AlbertEncoderTest, WhatStandsInThePaddingHasNoInfluence) {
  AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  const torch::Tensor others = given.ids.masked_fill(torch::arange(11) >= given.lengths.unsqueeze(1), 999);
  for (const bool record : {true, false}) {
    const torch::AutoGradMode mode(record);
    EXPECT_TRUE(torch::equal(encoder->forward(given.ids, given.lengths), encoder->forward(others, given.lengths)));
  }
}

// Enough questions for each thread to take a few sets of its own, and for one that nothing shares.
TEST(AlbertEncoderTest, ManyQuestionsAreEachAsAlone) {
  AlbertEncoder encoder = small_albert();
  const torch::NoGradGuard no_grad;
  torch::manual_seed(7);
  const torch::Tensor ids = torch::randint(1, 50, {400, 12}, torch::kInt64);
  const torch::Tensor lengths = torch::randint(1, 13, {400}, torch::kInt64);
  const torch::Tensor together = encoder->forward(ids, lengths);
  for (int64_t q = 0; q < 400; q += 7) {
    const torch::Tensor alone = encoder->forward(ids.slice(0, q, q + 1), lengths.slice(0, q, q + 1));
    EXPECT_LT(difference(together[q], alone[0]), 1e-5) << q;
  }
  EXPECT_EQ(encoder->forward(ids.slice(0, 0, 0), lengths.slice(0, 0, 0)).sizes(), (std::vector<int64_t>{0, 12, 24}));
}

TEST(AlbertEncoderTest, LearnsFromNothing) {
  torch::manual_seed(8);
  AlbertEncoder encoder(small_albert_options());
  torch::nn::Linear head(24, 2);
  std::vector<torch::Tensor> parameters = encoder->parameters();
  for (const torch::Tensor& parameter : head->parameters()) parameters.push_back(parameter);
  torch::optim::Adam adam(parameters, torch::optim::AdamOptions(3e-3));
  const torch::Tensor ids = torch::randint(1, 50, {64, 6}, torch::kInt64), lengths = torch::full({64}, 6);
  const torch::Tensor target = ids.select(1, 3).gt(25).to(torch::kInt64);
  double loss = 1;
  for (int step = 0; step < 60; ++step) {
    adam.zero_grad();
    const torch::Tensor logits = head->forward(encoder->forward(ids, lengths).mean(1));
    const torch::Tensor cost = torch::cross_entropy_loss(logits, target);
    cost.backward();
    adam.step();
    loss = cost.item<double>();
  }
  EXPECT_LT(loss, 0.2);
}

TEST(AlbertEncoderTest, ComputesInDoublesToo) {
  AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  const torch::NoGradGuard no_grad;
  const torch::Tensor single = encoder->forward(given.ids, given.lengths);
  encoder->to(torch::kFloat64);
  EXPECT_LT(difference(encoder->forward(given.ids, given.lengths), single.to(torch::kFloat64)), 2e-5);
}

TEST(AlbertEncoderTest, RefusesWhatItCannotRead) {
  AlbertEncoder encoder = small_albert();
  const torch::Tensor ids = torch::ones({1, 25}, torch::kInt64);
  const auto refusal = [&](const torch::Tensor& i, const torch::Tensor& lengths) {
    return error_of<std::invalid_argument>([&] { encoder->forward(i, lengths); });
  };
  EXPECT_THAT(refusal(ids, whole({0})), HasSubstr("lengths: 0; allowed is 1 to 25"));
  EXPECT_THAT(refusal(ids, whole({26})), HasSubstr("lengths: 26; allowed is 1 to 25"));
  EXPECT_THAT(refusal(ids, whole({21})), HasSubstr("lengths: 21; allowed is 1 to 20"));
  EXPECT_THAT(refusal(ids * 50, whole({4})), HasSubstr("ids: 50; allowed is 0 to 49"));
  EXPECT_THAT(refusal(ids * -1, whole({4})), HasSubstr("ids: -1; allowed is 0 to 49"));
}

TEST(AlbertOptionsTest, RefusesOptionsOutOfRange) {
  const auto refusal = [](const std::function<void(AlbertOptions&)>& change) {
    AlbertOptions options = small_albert_options();
    change(options);
    return error_of<std::invalid_argument>([&] { AlbertEncoder{options}; });
  };
  EXPECT_THAT(refusal([](auto& o) { o.vocabulary_size = 1; }), HasSubstr("vocabulary-size: 1"));
  EXPECT_THAT(refusal([](auto& o) { o.embedding_dim = 0; }), HasSubstr("embedding-dim: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.dim = 0; }), HasSubstr("dim: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.layers = 0; }), HasSubstr("layers: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.groups = 4; }), HasSubstr("groups: 4; allowed is 1 to 3"));
  EXPECT_THAT(refusal([](auto& o) { o.inner_layers = 0; }), HasSubstr("inner-layers: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.heads = 5; }), HasSubstr("heads: 5; allowed is what divides dim, 24"));
  EXPECT_THAT(refusal([](auto& o) { o.feed_forward = 0; }), HasSubstr("feed-forward: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.positions = 0; }), HasSubstr("positions: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.types = 0; }), HasSubstr("types: 0"));
  EXPECT_THAT(refusal([](auto& o) { o.activation = "silu"; }), HasSubstr("activation: 'silu'; allowed are gelu_new"));
  EXPECT_THAT(refusal([](auto& o) { o.layer_norm_eps = 0; }), HasSubstr("layer-norm-eps: 0"));
}

}  // namespace
