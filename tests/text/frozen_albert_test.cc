#include "text/frozen_albert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/data/error_of.h"
#include "tests/text/small_albert.h"

using testing::HasSubstr;
using text::FrozenAlbert;

namespace {

double cosine(const torch::Tensor& a, const torch::Tensor& b) {
  return torch::cosine_similarity(a.flatten(), b.flatten(), 0).item<double>();
}

TEST(FrozenAlbertTest, IsTheEncoder) {
  text::AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  const FrozenAlbert frozen(small_albert_options(), data::network_tensors(*encoder));
  const torch::Tensor out = frozen.forward(given.ids, given.lengths);
  EXPECT_FALSE(out.requires_grad());
  EXPECT_LT((out - encoder->forward(given.ids, given.lengths)).abs().max().item<double>(), 2e-5);
  EXPECT_EQ(frozen.dim(), 24);
}

// At ALBERT-base's depth; alone and in a set, so that both ways of sharing work out are taken.
TEST(FrozenAlbertTest, IsNearlyTheSameInBfloat16) {
  torch::manual_seed(3);
  text::AlbertOptions options;
  options.vocabulary_size = 300;
  options.dim = 96;
  options.heads = 6;
  options.feed_forward = 384;
  for (const std::string& activation : text::albert_activations()) {
    options.activation = activation;
    text::AlbertEncoder encoder(options);
    const data::TensorFile tensors = data::network_tensors(*encoder);
    const FrozenAlbert frozen(options, tensors), half(options, tensors, {.precision = "bfloat16"});
    const torch::Tensor ids = torch::randint(1, 300, {40, 12}, torch::kInt64);
    const torch::Tensor lengths = torch::randint(1, 13, {40}, torch::kInt64);
    const torch::Tensor exact = frozen.forward(ids, lengths), rounded = half.forward(ids, lengths);
    EXPECT_EQ(rounded.scalar_type(), torch::kFloat32);
    EXPECT_GT(cosine(rounded, exact), 0.999) << activation;
    EXPECT_FALSE(torch::equal(rounded, exact));
    const torch::Tensor alone = half.forward(ids.slice(0, 3, 4), lengths.slice(0, 3, 4));
    EXPECT_GT(cosine(alone[0], exact[3]), 0.999) << activation;
  }
}

TEST(FrozenAlbertTest, TakesWeightsOfOtherTypes) {
  text::AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  data::TensorFile tensors = data::network_tensors(*encoder);
  const torch::Tensor exact = FrozenAlbert(small_albert_options(), tensors).forward(given.ids, given.lengths);
  for (auto& [name, tensor] : tensors.tensors) tensor = tensor.to(torch::kFloat16);
  EXPECT_GT(cosine(FrozenAlbert(small_albert_options(), tensors).forward(given.ids, given.lengths), exact), 0.9999);
}

TEST(FrozenAlbertTest, WorksInInferenceMode) {
  text::AlbertEncoder encoder = small_albert();
  const SmallQuestions given = small_questions();
  const FrozenAlbert frozen(small_albert_options(), data::network_tensors(*encoder));
  const torch::Tensor outside = frozen.forward(given.ids.repeat({40, 1}), given.lengths.repeat({40}));
  const c10::InferenceMode guard;
  EXPECT_TRUE(torch::equal(frozen.forward(given.ids.repeat({40, 1}), given.lengths.repeat({40})), outside));
}

TEST(FrozenAlbertTest, RefusesWeightsThatAreNotItsOwn) {
  text::AlbertEncoder encoder = small_albert();
  data::TensorFile tensors = data::network_tensors(*encoder);
  EXPECT_THAT(
      error_of<std::invalid_argument>([&] { FrozenAlbert(small_albert_options(), tensors, {.precision = "int8"}); }),
      HasSubstr("precision: 'int8'; allowed are float32, bfloat16"));
  tensors.tensors.erase("embeddings.LayerNorm.bias");
  EXPECT_THAT(error_of<std::runtime_error>([&] { FrozenAlbert(small_albert_options(), tensors); }),
              HasSubstr("weights: tensor 'embeddings.LayerNorm.bias' is missing"));
  tensors.tensors["embeddings.LayerNorm.bias"] = torch::zeros({9});
  EXPECT_THAT(error_of<std::runtime_error>([&] { FrozenAlbert(small_albert_options(), tensors); }),
              HasSubstr("embeddings.LayerNorm.bias is [9] float"));
}

}  // namespace
