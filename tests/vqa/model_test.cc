#include "vqa/model.h"

#include <gtest/gtest.h>

#include "tests/vqa/small_model.h"
#include "vqa/batch_maker.h"

namespace vqa {
namespace {

TEST(Model, AnswersAQuestionAloneAsInABatch) {
  const TemporaryFolder folder;
  const data::Split split = data::Split::open(small_data(folder), "train");
  Bundle bundle = small_bundle(split);
  bundle.model->eval();
  const torch::NoGradGuard no_grad;
  const BatchMaker maker(split, *bundle.tokenizer, bundle.answers, image_source(split, *bundle.model));
  const auto together = plan_batches(split, 16), alone = plan_batches(split, 1);
  const ModelOutput batch = bundle.model->forward(maker.make(together[0]));
  for (size_t q = 0; q < together[0].questions.size(); ++q) {
    const ModelOutput one = bundle.model->forward(maker.make(alone[q]));
    const torch::Tensor difference = batch.logits[static_cast<int64_t>(q)] - one.logits[0];
    EXPECT_LT(difference.abs().max().item<double>(), 1e-5 * one.logits.abs().max().item<double>());
  }
  EXPECT_EQ(batch.image_attention.sizes(), (std::vector<int64_t>{16, 16}));
  EXPECT_EQ(batch.grid_height * batch.grid_width, 16);
}

TEST(Model, TakesGivenGridFeatures) {
  ModelConfig config = small_config().model;
  config.grid_position = "sine";
  Model model(ModelOptions{.config = config, .words = 9, .answers = 5, .grid_channels = 7});
  EXPECT_TRUE(model->backbone().is_empty());
  Batch batch;
  batch.grid = torch::randn({2, 6, 7});
  batch.grid_lengths = torch::tensor({6, 4}, torch::kInt64);
  batch.grid_sizes = torch::tensor({{2, 3}, {2, 2}}, torch::kInt64);
  batch.image_index = torch::tensor({0, 1, 1}, torch::kInt64);
  batch.tokens = torch::ones({3, 4}, torch::kInt64);
  batch.token_lengths = torch::tensor({4, 1, 2}, torch::kInt64);
  EXPECT_EQ(model->forward(batch).logits.sizes(), (std::vector<int64_t>{3, 5}));
}

TEST(Model, AFrozenBackboneStaysAsItIs) {
  ModelConfig config = small_config().model;
  config.freeze_backbone = true;
  Model model(ModelOptions{.config = config, .words = 9, .answers = 5});
  model->train();
  for (const auto& parameter : model->backbone()->parameters()) EXPECT_FALSE(parameter.requires_grad());
  const torch::Tensor statistics = model->backbone()->named_buffers()["bn1.running_mean"];
  const torch::Tensor before = statistics.clone();
  model->backbone()->forward(torch::randn({2, 3, 64, 64}));
  EXPECT_TRUE(torch::equal(statistics, before));
}

}  // namespace
}  // namespace vqa
