#include "vqa/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/vqa/small_model.h"
#include "vqa/batch_maker.h"

namespace vqa {
namespace {

class BatchTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  data::Split split_ = data::Split::open(small_data(folder_), "train");
};

TEST_F(BatchTest, PlansEveryQuestionOnceBesideItsImage) {
  for (const int64_t size : {1, 3, 8, 1000}) {
    std::set<size_t> seen;
    for (const BatchPlan& plan : plan_batches(split_, size, 5)) {
      EXPECT_LE(static_cast<int64_t>(plan.questions.size()), size);
      ASSERT_EQ(plan.questions.size(), plan.image_index.size());
      for (size_t q = 0; q < plan.questions.size(); ++q) {
        EXPECT_TRUE(seen.insert(plan.questions[q]).second);
        const data::Image& image = split_.images()[plan.images[static_cast<size_t>(plan.image_index[q])]];
        EXPECT_EQ(image.id, split_.questions()[plan.questions[q]].image_id);
      }
    }
    EXPECT_EQ(seen.size(), split_.questions().size());
  }
}

TEST_F(BatchTest, KeepsAnImagesQuestionsTogetherWhereTheyFit) {
  for (const BatchPlan& plan : plan_batches(split_, 8, 5)) {
    EXPECT_EQ(plan.images.size(), 2u);  // four questions each
    EXPECT_EQ(plan.questions.size(), 8u);
  }
}

TEST_F(BatchTest, OrdersByTheSeedAlone) {
  EXPECT_EQ(plan_batches(split_, 4, 7).back().seed, 7);
  EXPECT_EQ(plan_batches(split_, 4).back().seed, -1);
  const auto order = [&](int64_t seed) {
    std::vector<size_t> images;
    for (const BatchPlan& plan : plan_batches(split_, 4, seed)) images.push_back(plan.images[0]);
    return images;
  };
  EXPECT_EQ(order(3), order(3));
  EXPECT_NE(order(3), order(4));
  EXPECT_THAT(order(-1), testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  // On any machine: std::mt19937_64's output and what is made of it are specified.
  EXPECT_THAT(order(0), testing::ElementsAre(0, 10, 9, 8, 7, 1, 2, 4, 11, 3, 5, 6));
}

TEST_F(BatchTest, HoldsWhatTheSplitSays) {
  const Bundle bundle = small_bundle(split_);
  const BatchMaker maker(split_, *bundle.tokenizer, bundle.answers, image_source(split_, *bundle.model));
  const Batch batch = maker.make(plan_batches(split_, 8)[1]);
  EXPECT_EQ(batch.images.sizes(), (std::vector<int64_t>{2, 3, 64, 64}));
  EXPECT_EQ(batch.images.scalar_type(), torch::kUInt8);
  for (size_t q = 0; q < batch.questions.size(); ++q) {
    const auto row = static_cast<int64_t>(q);
    const auto ids = bundle.tokenizer->encode(split_.questions()[batch.questions[q]].text);
    ASSERT_EQ(batch.token_lengths[row].item<int64_t>(), static_cast<int64_t>(ids.size()));
    for (int64_t t = 0; t < batch.tokens.size(1); ++t) {
      const int64_t expected = t < static_cast<int64_t>(ids.size()) ? ids[static_cast<size_t>(t)] : 0;
      EXPECT_EQ(batch.tokens[row][t].item<int64_t>(), expected);
    }
    // Ten equal answers: one target of 1.
    const torch::Tensor mine = batch.targets.rows == row;
    EXPECT_EQ(mine.sum().item<int64_t>(), 1);
    EXPECT_EQ(bundle.answers.text(batch.targets.answers.masked_select(mine).item<int64_t>()),
              split_.annotations()[batch.questions[q]].multiple_choice_answer);
    EXPECT_EQ(batch.targets.scores.masked_select(mine).item<float>(), 1);
  }
}

TEST_F(BatchTest, WordsAreReadAsUnknownByTheSeedOfThePlan) {
  const Bundle bundle = small_bundle(split_);
  BatchMaker maker(split_, *bundle.tokenizer, bundle.answers, image_source(split_, *bundle.model));
  BatchPlan plan{.images = {0, 1}, .seed = 3};
  for (size_t question = 0; question < split_.questions().size(); ++question) {
    plan.questions.push_back(question);
    plan.image_index.push_back(0);
  }
  const auto tokens = [&](int64_t seed) {
    plan.seed = seed;
    return maker.make(plan).tokens;
  };
  const torch::Tensor whole = tokens(3);
  maker.drop_words(0.4);
  const torch::Tensor dropped = tokens(3);
  EXPECT_TRUE(torch::equal(tokens(3), dropped));
  EXPECT_FALSE(torch::equal(tokens(4), dropped));
  EXPECT_TRUE(torch::equal(tokens(-1), whole));
  // What is not unknown is as it was, padding too; of the words about the share is unknown.
  const torch::Tensor unknown = dropped == text::kUnknownId;
  EXPECT_TRUE(torch::equal(dropped.masked_fill(unknown, 0), whole.masked_fill(unknown, 0)));
  EXPECT_FALSE((unknown & (whole == text::kPaddingId)).any().item<bool>());
  const double words = (whole != text::kPaddingId).sum().item<double>();
  EXPECT_NEAR(unknown.sum().item<double>() / words, 0.4, 4 * std::sqrt(0.24 / words));
  // The same question of another batch.
  plan.images = {0};
  plan.questions = {5};
  plan.image_index = {0};
  const torch::Tensor alone = tokens(3)[0];
  EXPECT_TRUE(torch::equal(alone, dropped[5].slice(0, 0, alone.size(0))));
}

// Evaluation looked up soft targets, and cleaned up ten answers a question for them, that nobody read.
TEST_F(BatchTest, HasNoTargetsWhereItIsOnlyToBeAnswered) {
  const Bundle bundle = small_bundle(split_);
  const BatchMaker to_learn(split_, *bundle.tokenizer, bundle.answers, image_source(split_, *bundle.model));
  const BatchMaker to_answer(split_, *bundle.tokenizer, image_source(split_, *bundle.model));
  const BatchPlan plan = plan_batches(split_, 8)[1];
  const Batch learnt = to_learn.make(plan), answered = to_answer.make(plan).to(torch::kCPU);
  EXPECT_TRUE(learnt.targets.rows.defined());
  for (const torch::Tensor& each : {answered.targets.rows, answered.targets.answers, answered.targets.scores})
    EXPECT_FALSE(each.defined());
  EXPECT_TRUE(torch::equal(answered.tokens, learnt.tokens));
  EXPECT_TRUE(torch::equal(answered.images, learnt.images));
}

}  // namespace
}  // namespace vqa
