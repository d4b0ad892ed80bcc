#include "vqa/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/vqa/small_model.h"

namespace vqa {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class TrainerTest : public testing::Test {
 protected:
  /// A run in `name`, stopped after `steps` steps where that is not negative; resumed where there is something.
  TrainingOutcome run(const std::string& name, int64_t steps = -1, const Config& config = small_config()) {
    const fs::path folder = folder_ / name;
    const bool resumes = Trainer::resumable(folder);
    Bundle bundle = resumes ? Bundle::load(Trainer::last_folder(folder)) : small_bundle(train_, config);
    std::atomic<bool> stop = false;
    int64_t taken = 0;
    TrainerOptions options{.folder = folder};
    options.on_step = [&](const TrainingProgress&) { stop = ++taken == steps; };
    options.stop = &stop;
    Trainer trainer(bundle, train_, &val_, options);
    if (resumes) trainer.resume();
    return trainer.run();
  }

  std::string bytes(const std::string& name) { return data::read_file(folder_ / name); }

  TemporaryFolder folder_;
  fs::path data_ = small_data(folder_);
  data::Split train_ = data::Split::open(data_, "train");
  data::Split val_ = data::Split::open(data_, "val");
};

TEST_F(TrainerTest, AStoppedAndResumedRunEndsInTheSameBytes) {
  EXPECT_TRUE(run("whole").finished);
  for (const int64_t steps : {1, 6, 7}) {  // in an epoch, at its end, in the next
    const std::string name = "parts" + std::to_string(steps);
    EXPECT_FALSE(run(name, steps).finished);
    EXPECT_FALSE(run(name, 2).finished);
    EXPECT_TRUE(run(name).finished);
    for (const char* file : {"/model.safetensors", "/last/model.safetensors", "/metrics.jsonl"}) {
      EXPECT_EQ(bytes(name + file), bytes(std::string("whole") + file)) << steps << file;
    }
  }
}

TEST_F(TrainerTest, WhatIsChangedAtRandomGoesOnToTheSameBytes) {
  Config pictures = small_config(), questions = small_config();
  pictures.training.augment = {.crop = 0.3, .rotate = 10, .brightness = 0.1, .contrast = 0.2};
  questions.training.augment_words = 0.3;
  EXPECT_TRUE(run("plain").finished);
  for (const auto& [name, config] : {std::pair{std::string("pictures"), pictures}, {"questions", questions}}) {
    const std::string whole = name + "-whole", parts = name + "-parts", weights = "/last/model.safetensors";
    EXPECT_TRUE(run(whole, -1, config).finished);
    EXPECT_FALSE(run(parts, 4, config).finished);  // within the first epoch
    EXPECT_TRUE(run(parts).finished);
    EXPECT_EQ(bytes(parts + weights), bytes(whole + weights)) << name;
    EXPECT_NE(bytes("plain" + weights), bytes(whole + weights)) << name;
  }
}

TEST_F(TrainerTest, TheKernelPenaltyHoldsKernelsOrthogonal) {
  const auto distance = [&](double weight) {
    Config config = small_config();
    config.model.attention = "ffkernel";
    config.training.learning_rate = 5e-3;
    config.training.kernel_penalty = weight;
    const std::string name = "weight" + std::to_string(weight);
    EXPECT_TRUE(run(name, -1, config).finished);
    return Bundle::load(folder_ / name).model->penalty().item<double>();
  };
  EXPECT_LT(distance(100), distance(0) / 2);
}

/// A small recipe that encodes questions once.
Config frozen_questions() {
  Config config = small_config();
  config.model.question_encoder = "albert";
  config.model.question_dim = 8;
  config.model.question_heads = 2;
  config.model.freeze_question = true;
  return config;
}

TEST_F(TrainerTest, FrozenQuestionsGoOnToTheSameBytes) {
  EXPECT_TRUE(run("whole", -1, frozen_questions()).finished);
  EXPECT_FALSE(run("parts", 7, frozen_questions()).finished);
  EXPECT_TRUE(fs::exists(folder_ / "parts" / Trainer::kQuestionsFile));
  EXPECT_TRUE(run("parts").finished);
  for (const char* file : {"/model.safetensors", "/last/model.safetensors", "/metrics.jsonl"})
    EXPECT_EQ(bytes(std::string("parts") + file), bytes(std::string("whole") + file)) << file;
  EXPECT_FALSE(fs::exists(folder_ / "parts" / Trainer::kQuestionsFile));
}

TEST_F(TrainerTest, AFrozenQuestionEncoderStaysAsItWas) {
  const Bundle begun = small_bundle(train_, frozen_questions());
  run("model", -1, frozen_questions());
  const Bundle done = Bundle::load(folder_ / "model");
  const auto before = begun.model->named_parameters(), after = done.model->named_parameters();
  int64_t same = 0, moved = 0;
  for (const auto& item : before) {
    const bool equal = torch::equal(item.value(), after[item.key()]);
    EXPECT_EQ(equal, item.key().starts_with(ModelImpl::kQuestionEncoder)) << item.key();
    ++(equal ? same : moved);
  }
  EXPECT_GT(same, 10);
  EXPECT_GT(moved, 10);
}

TEST_F(TrainerTest, AnotherSeedEndsElsewhere) {
  Config other = small_config();
  other.training.seed = 2;
  run("one");
  run("two", -1, other);
  EXPECT_NE(bytes("one/model.safetensors"), bytes("two/model.safetensors"));
}

TEST_F(TrainerTest, LearnsAFewQuestionsByHeart) {
  Config config = small_config();
  config.training.epochs = 40;
  config.training.learning_rate = 5e-3;
  config.model.dropout = 0;
  Bundle bundle = small_bundle(train_, config);
  double loss = 1e9;
  TrainerOptions options{.folder = folder_ / "learnt"};
  options.on_epoch = [&](const EpochReport& report) { loss = report.loss; };
  Trainer(bundle, train_, nullptr, options).run();
  EXPECT_LT(loss, 0.5);  // 48 questions; an untrained model starts near 10
}

TEST_F(TrainerTest, RefusesOtherData) {
  run("model", 3);
  Bundle bundle = Bundle::load(Trainer::last_folder(folder_ / "model"));
  Trainer trainer(bundle, val_, nullptr, {.folder = folder_ / "model"});
  EXPECT_THAT(error_of<std::runtime_error>([&] { trainer.resume(); }), HasSubstr("resume with the same data"));
}

// As many questions of as many images, with other content.
TEST_F(TrainerTest, RefusesDataThatOnlyLookTheSame) {
  run("model", 3);
  data::write_shapes(data_, {.images = 12, .validation_images = 4, .questions_per_image = 4, .seed = 2});
  const data::Split other = data::Split::open(data_, "train");
  ASSERT_EQ(other.questions().size(), train_.questions().size());
  Bundle bundle = Bundle::load(Trainer::last_folder(folder_ / "model"));
  Trainer trainer(bundle, other, &val_, {.folder = folder_ / "model"});
  EXPECT_THAT(error_of<std::runtime_error>([&] { trainer.resume(); }), HasSubstr("other data"));
}

TEST_F(TrainerTest, SaysWhereTheLossStoppedBeingANumber) {
  Config config = small_config();
  config.training.learning_rate = 1e30;
  config.training.gradient_clip = 0;
  EXPECT_THAT(error_of<std::runtime_error>([&] { run("wild", -1, config); }), HasSubstr("lower --learning-rate"));
}

// Without a limit the gradient was not looked at: weights that are no numbers were saved, and could not be read again.
TEST_F(TrainerTest, SavesNoStepWhoseGradientIsNoNumber) {
  Config config = small_config();
  config.training.gradient_clip = 0;
  Bundle bundle = small_bundle(train_, config);
  bundle.model->parameters().front().register_hook([](const torch::Tensor& gradient) { return gradient / 0; });
  Trainer trainer(bundle, train_, nullptr, {.folder = folder_ / "wild"});
  EXPECT_THAT(error_of<std::runtime_error>([&] { trainer.run(); }), HasSubstr("not a number at step 1 "));
  EXPECT_FALSE(Trainer::resumable(folder_ / "wild"));
}

// What an interrupted epoch saved was said to have taken no steps.
TEST_F(TrainerTest, RecordsStepsWithinAnEpoch) {
  run("parts", 2);
  const TrainingRecord record = Bundle::load(Trainer::last_folder(folder_ / "parts")).record;
  EXPECT_EQ(record.epochs, 0);
  EXPECT_EQ(record.steps, 2);
  EXPECT_LT(record.accuracy, 0);
}

}  // namespace
}  // namespace vqa
