#include "fusion/mcan.h"

#include <gmock/gmock.h>
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

McanOptions mixed(const std::string& question, const std::string& image, const std::string& cross) {
  McanOptions options = small("vanilla");
  options.question_attention = question;
  options.image_attention = image;
  options.cross_attention = cross;
  return options;
}

TEST(Mcan, MixesKinds) {
  for (const auto& question : attention_kinds()) {
    for (const auto& image : attention_kinds()) {
      for (const auto& cross : attention_kinds()) {
        SCOPED_TRACE(question.name + ", " + image.name + ", " + cross.name);
        Mcan mcan(mixed(question.name, image.name, cross.name));
        const auto output = mcan->forward({torch::randn({2, 6, kDim}), {}}, {torch::randn({2, 9, kDim}), {}}, {});
        (output.question.features.pow(3).sum() + output.image.features.pow(3).sum()).backward();
        for (const auto& item : mcan->named_parameters()) ASSERT_TRUE(item.value().grad().defined()) << item.key();
      }
    }
  }
}

// Softmax attention leaves no compressed question for DBA's cross-attention, which has to make its own of the words.
TEST(Mcan, ACrossAttentionWithAStateSeesTheQuestionOfAKindWithout) {
  const torch::NoGradGuard no_grad;
  for (const char* cross : {"dba", "dba-paper"}) {
    for (const int64_t encoder_layers : {0, 2}) {
      McanOptions options = mixed("vanilla", "vanilla", cross);
      options.encoder_layers = encoder_layers;
      Mcan mcan(options);
      mcan->eval();
      const Sequence image{torch::randn({1, 9, kDim}), {}};
      const torch::Tensor one = mcan->forward({torch::randn({1, 6, kDim}), {}}, image, {}).image.features;
      const torch::Tensor other = mcan->forward({torch::randn({1, 6, kDim}), {}}, image, {}).image.features;
      EXPECT_GT(relative_difference(one, other), 1e-3) << cross << encoder_layers;
    }
  }
}

std::vector<std::string> parameter_names(const McanOptions& options) {
  std::vector<std::string> names;
  for (const auto& item : Mcan(options)->named_parameters()) names.push_back(item.key());
  return names;
}

TEST(Mcan, SharedLayersHaveOneSetOfWeights) {
  McanOptions options = small("dba"), one_each = small("dba");
  options.encoder_layers = 3;
  options.decoder_layers = 2;
  options.share_layers = 2;
  one_each.encoder_layers = 2;
  one_each.decoder_layers = 1;
  EXPECT_EQ(parameter_names(options), parameter_names(one_each));
}

// Tied layers are layers whose weights happen to be equal.
TEST(Mcan, SharedLayersRunAsOftenAsThereAreLayers) {
  const torch::NoGradGuard no_grad;
  McanOptions options = small("dba");
  Mcan untied(options);
  options.share_layers = 2;
  Mcan tied(options);
  const auto from = tied->named_parameters();
  for (auto& item : untied->named_parameters()) {
    std::string name = item.key();
    for (const char* side : {"encoder", "decoder"}) {
      if (name.starts_with(std::string(side) + ".1.")) name[8] = '0';
    }
    item.value().copy_(from[name]);
  }
  untied->eval();
  tied->eval();
  const Sequence question{torch::randn({1, 6, kDim}), {}}, image{torch::randn({1, 9, kDim}), {}};
  EXPECT_TRUE(torch::equal(untied->forward(question, image, {}).image.features,
                           tied->forward(question, image, {}).image.features));
}

TEST(Mcan, AddsUpThePenaltiesOfAllThatIsRun) {
  EXPECT_FALSE(Mcan(small("dba"))->penalty().defined());
  McanOptions options = small("ffkernel");
  options.share_layers = 2;
  Mcan mcan(options);
  const torch::NoGradGuard no_grad;
  for (auto& item : mcan->named_parameters()) {
    if (item.key().ends_with("kernel.weight0")) item.value().mul_(2);  // W W^T - I = 3 I, d_h = 8
  }
  // Two encoder layers with one attention, two decoder layers with two; each twice, for queries and keys.
  EXPECT_NEAR(mcan->penalty().item<double>(), 6 * 2 * 9.0 / 8, 1e-4);
}

std::string refusal(const McanOptions& options) {
  try {
    options.validate();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Mcan, RefusesBlocksThatCannotBe) {
  EXPECT_EQ(refusal(mixed("dba", "ffkernel", "linformer")), "accepted");
  EXPECT_THAT(refusal(mixed("", "", "soft")), testing::StartsWith("cross-attention: 'soft'; allowed are vanilla, dba"));
  EXPECT_THAT(refusal(mixed("soft", "", "")), testing::StartsWith("question-attention: 'soft'"));
  EXPECT_THAT(refusal(mixed("", "soft", "")), testing::StartsWith("image-attention: 'soft'"));
  McanOptions options = mixed("", "dba", "");
  options.layer.attention.d_in = 6;
  EXPECT_EQ(refusal(options), "d-in: 6; allowed is a positive multiple of heads 4");
  options = small("dba");
  options.share_layers = 0;
  EXPECT_EQ(refusal(options), "share-layers: 0; allowed is 1 or more");
}

TEST(Mcan, ALinformerReadsQuestionsAndImagesOfTheLengthsItWasBuiltFor) {
  McanOptions options = small("linformer");
  options.max_tokens = 6;
  options.max_cells = 9;
  Mcan mcan(options);
  const Sequence question{torch::randn({1, 6, kDim}), {}}, image{torch::randn({1, 9, kDim}), {}};
  EXPECT_NO_THROW(mcan->forward(question, image, {}));
  EXPECT_THROW(mcan->forward({torch::randn({1, 7, kDim}), {}}, image, {}), std::invalid_argument);
  EXPECT_THROW(mcan->forward(question, {torch::randn({1, 10, kDim}), {}}, {}), std::invalid_argument);
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
