#include "vqa/schedule.h"

#include <gtest/gtest.h>

namespace vqa {
namespace {

TEST(Schedule, StepsAreOpenvqas) {
  const TrainingConfig config = preset("mcan-small").training;
  const double base = 1e-4;
  const double expected[] = {.25, .5, .75, 1, 1, 1, 1, 1, 1, 1, .2, .2, .04};
  for (int epoch = 0; epoch < 13; ++epoch) {
    EXPECT_DOUBLE_EQ(learning_rate_at(config, epoch), base * expected[epoch]) << epoch;
    EXPECT_DOUBLE_EQ(learning_rate_at(config, epoch + 0.99), base * expected[epoch]) << epoch;
  }
}

TEST(Schedule, LinearRisesStaysAndFalls) {
  TrainingConfig config;
  config.schedule = "linear";
  config.learning_rate = 1;
  config.epochs = 20;
  config.warmup_epochs = 2;
  config.decay_share = 0.25;
  EXPECT_GT(learning_rate_at(config, 0), 0);
  EXPECT_NEAR(learning_rate_at(config, 1), 0.5, 0.01);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 2), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 15), 1);
  EXPECT_NEAR(learning_rate_at(config, 17.5), 0.5, 1e-9);
  EXPECT_NEAR(learning_rate_at(config, 19.99), 0, 0.01);
}

}  // namespace
}  // namespace vqa
