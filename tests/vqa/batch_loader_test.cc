#include "vqa/batch_loader.h"

#include <gtest/gtest.h>

#include "tests/vqa/small_model.h"

namespace vqa {
namespace {

class BatchLoaderTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  data::Split split_ = data::Split::open(small_data(folder_), "train");
  Bundle bundle_ = small_bundle(split_);
  BatchMaker maker_{split_, *bundle_.tokenizer, bundle_.answers, image_source(split_, *bundle_.model)};
};

TEST_F(BatchLoaderTest, GivesBatchesInOrderWhateverTheNumberOfWorkers) {
  const auto plans = plan_batches(split_, 4, 1);
  for (const int64_t workers : {1, 3}) {
    BatchLoader loader(maker_, plans, {.workers = workers, .queue = 2});
    for (const BatchPlan& plan : plans) {
      const std::optional<Batch> batch = loader.next();
      ASSERT_TRUE(batch);
      EXPECT_EQ(batch->questions, plan.questions);
    }
    EXPECT_FALSE(loader.next());
  }
}

TEST_F(BatchLoaderTest, ThrowsWhatMakingABatchThrew) {
  const auto plans = plan_batches(split_, 4);
  std::filesystem::remove(split_.images()[2].path);
  BatchLoader loader(maker_, plans, {.workers = 2, .queue = 4});
  EXPECT_TRUE(loader.next());
  EXPECT_TRUE(loader.next());
  EXPECT_THROW(loader.next(), std::runtime_error);
}

TEST_F(BatchLoaderTest, CanBeLeftBeforeTheEnd) {
  BatchLoader loader(maker_, plan_batches(split_, 1), {.workers = 2, .queue = 1});
  EXPECT_TRUE(loader.next());
}

}  // namespace
}  // namespace vqa
