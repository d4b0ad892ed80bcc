#include "fusion/mcan.h"

#include <gtest/gtest.h>

#include "data/settings.h"
#include "tests/fusion/compare.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 32;

McanOptions small(const std::string& kind, double dropout = 0) {
  McanOptions options;
  options.layer.attention = {.kind = kind, .dim = kDim, .heads = 4, .d_p = 5, .d_in = 8, .dropout = dropout};
  options.layer.feed_forward = 48;
  options.layer.dropout = dropout;
  options.encoder_layers = 2;
  options.decoder_layers = 2;
  return options;
}

Mcan model(const std::string& kind, double dropout = 0) {
  torch::manual_seed(9);
  Mcan mcan(small(kind, dropout));
  mcan->eval();
  return mcan;
}

class McanTest : public testing::TestWithParam<std::string> {};

TEST_P(McanTest, ASampleAloneEqualsTheSameSampleInAPaddedBatch) {
  const torch::NoGradGuard no_grad;
  Mcan mcan = model(GetParam());
  const torch::Tensor question = torch::randn({3, 7, kDim}), image = torch::randn({3, 20, kDim});
  const torch::Tensor words = torch::tensor({7, 2, 4}, torch::kInt64),
                      cells = torch::tensor({3, 20, 11}, torch::kInt64);
  const auto batch = mcan->forward(Sequence::padded(question, words), Sequence::padded(image, cells), {});
  for (int64_t b = 0; b < 3; ++b) {
    const int64_t t = words[b].item<int64_t>(), n = cells[b].item<int64_t>();
    const auto alone =
        mcan->forward({question.narrow(0, b, 1).narrow(1, 0, t), {}}, {image.narrow(0, b, 1).narrow(1, 0, n), {}}, {});
    EXPECT_LT(relative_difference(batch.question.features[b].narrow(0, 0, t), alone.question.features[0]), 1e-5);
    EXPECT_LT(relative_difference(batch.image.features[b].narrow(0, 0, n), alone.image.features[0]), 1e-5);
  }
}

TEST_P(McanTest, QuestionsAboutOneImageShareIt) {
  const torch::NoGradGuard no_grad;
  Mcan mcan = model(GetParam());
  const Sequence question{torch::randn({4, 6, kDim}), {}};
  const Sequence image = Sequence::padded(torch::randn({2, 9, kDim}), torch::tensor({9, 5}, torch::kInt64));
  const torch::Tensor index = torch::tensor({1, 0, 1, 1}, torch::kInt64);
  const auto shared = mcan->forward(question, image, index);
  const auto repeated = mcan->forward(question, image.rows(index), {});
  EXPECT_LT(relative_difference(shared.image.features, repeated.image.features), 1e-5);
  EXPECT_TRUE(torch::equal(shared.image.padding, repeated.image.padding));
}

TEST_P(McanTest, EveryParameterLearns) {
  Mcan mcan = model(GetParam(), 0.1);
  mcan->train();
  const auto output = mcan->forward({torch::randn({2, 6, kDim}), {}}, {torch::randn({2, 9, kDim}), {}}, {});
  (output.question.features.pow(3).sum() + output.image.features.pow(3).sum()).backward();
  for (const auto& item : mcan->named_parameters()) {
    ASSERT_TRUE(item.value().grad().defined()) << item.key();
    // A bias of keys shifts all of a query's scores alike, which softmax takes out again.
    const bool cancels =
        item.key().ends_with(".key.bias") || item.key().ends_with(".k.bias") || item.key().ends_with(".pk.bias");
    EXPECT_TRUE(cancels || item.value().grad().abs().max().item<double>() > 0) << item.key();
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, McanTest, testing::ValuesIn(data::names_of(attention_kinds())));

// The question's compressed rows are what the image asks: another question's states change the image's features.
TEST(Mcan, TheStateRunsFromLayerToLayer) {
  const torch::NoGradGuard no_grad;
  Mcan mcan = model("dba");
  const Sequence question{torch::randn({1, 6, kDim}), {}}, image{torch::randn({1, 9, kDim}), {}};
  const torch::Tensor before = mcan->forward(question, image, {}).image.features;
  mcan->named_parameters()["question_state"].add_(1 * torch::randn({5, kDim}));
  EXPECT_GT(relative_difference(mcan->forward(question, image, {}).image.features, before), 1e-3);
}

TEST(Mcan, EncodesAQuestionAloneAsBesideAnImage) {
  torch::NoGradGuard no_grad;
  for (const char* kind : {"vanilla", "dba"}) {
    Mcan mcan = model(kind);
    const Sequence question{torch::randn({2, 6, kDim}), {}}, image{torch::randn({2, 9, kDim}), {}};
    const torch::Tensor alone = mcan->encode(question).sequence.features;
    EXPECT_TRUE(torch::equal(mcan->forward(question, image, {}).question.features, alone)) << kind;
    EXPECT_GT(relative_difference(alone, question.features), 1e-3) << kind;
  }
}

TEST(Mcan, WithoutADecoderHasNothingOfTheImage) {
  McanOptions options = small("dba");
  options.decoder_layers = 0;
  for (const auto& item : Mcan(options)->named_parameters())
    EXPECT_TRUE(item.key().starts_with("encoder.") || item.key() == "question_state") << item.key();
}

TEST(Mcan, WithoutLayersHasNoParameters) {
  McanOptions options = small("dba");
  options.encoder_layers = options.decoder_layers = 0;
  EXPECT_TRUE(Mcan(options)->parameters().empty());
}

TEST(Mcan, RefusesNegativeNumbersOfLayers) {
  McanOptions options;
  options.encoder_layers = -1;
  EXPECT_THROW(options.validate(), std::invalid_argument);
  options.encoder_layers = 1;
  options.decoder_layers = -1;
  EXPECT_THROW(options.validate(), std::invalid_argument);
}

}  // namespace
}  // namespace fusion
