// vqa train --no-image, and what the other commands make of such a model.
#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class NoImageTest : public CliTest {
 protected:
  void SetUp() override {
    give_shapes();
    for (const char* split : {"train2014", "val2014"}) fs::remove_all(*this / (std::string("shapes/") + split));
  }
  void train() const { expect_done(vqa("train --no-image --data shapes --out m --epochs 2" + kTiny)); }
};

TEST_F(NoImageTest, LearnsAndAnswersWithoutPictures) {
  const Outcome training = vqa("train --no-image --data shapes --out m --epochs 2" + kTiny);
  expect_done(training);
  EXPECT_THAT(training.err, HasSubstr("model: question alone, "));
  const Outcome eval = vqa("eval --model m --data shapes --results r.json");
  expect_done(eval);
  EXPECT_THAT(eval.out, StartsWith("accuracy on 80 questions, %"));
  EXPECT_EQ(read_json(*this / "r.json").size(), 80u);
  const Outcome answer = vqa("answer --model m --question 'How many stars are there?' --top 2");
  expect_done(answer);
  EXPECT_EQ(lines(answer.out).size(), 3u) << answer.out;
  EXPECT_THAT(vqa("info m").out, HasSubstr("no-image"));
}

TEST_F(NoImageTest, ResumesToTheSameWeights) {
  expect_done(vqa("train --no-image --data shapes --out whole --epochs 2" + kTiny));
  RunOptions stopped{.signal = SIGINT, .when = has_said("epoch 1/2")};
  const Outcome part = vqa("train --no-image --data shapes --out parts --epochs 2" + kTiny, stopped);
  EXPECT_EQ(part.code, 1);
  EXPECT_THAT(part.err, HasSubstr("stopped and saved"));
  expect_done(vqa("train --resume --data shapes --out parts --threads 1 --workers 1"));
  EXPECT_EQ(read_text(*this / "parts/model.safetensors"), read_text(*this / "whole/model.safetensors"));
}

TEST_F(NoImageTest, ItsPresetIsThatOfAFileThatSaysSo) {
  write_text(*this / "c.cfg", "no-image = true\nepochs = 1\n");
  expect_done(vqa("train --config c.cfg --data shapes --out m --dim 16 --threads 1 --workers 1"));
  EXPECT_EQ(read_json(*this / "m/config.json")["model"]["loss"], "softmax");
}

TEST_F(NoImageTest, HoldsNothingOfTheImageSide) {
  train();
  const Outcome info = vqa("info m/model.safetensors");
  for (const char* part : {"backbone", "grid_projection", "image_pool", "decoder"})
    EXPECT_EQ(info.out.find(part), std::string::npos) << part;
}

TEST_F(NoImageTest, RefusesWhatIsForPictures) {
  train();
  write_text(*this / "p.png", "");
  expect_error(vqa("answer --model m --question 'Is it?' --overlay o.png"), 2, {"--no-image", "leave out --image"});
  expect_error(vqa("train --no-image --data shapes --out n --weights w.pth" + kTiny), 2,
               {"no-image: the model sees no pictures; leave out --weights"});
  expect_error(vqa("train --no-image --data shapes --out n --image-size 128" + kTiny), 2, {"leave out --image-size"});
  expect_error(vqa("train --no-image --data shapes --out n --augment-crop 0.1" + kTiny), 2,
               {"leave out --augment-crop"});
  expect_error(vqa("eval --model m --data shapes --weights w.pth"), 1, {"w.pth: is not needed"});
  EXPECT_FALSE(fs::exists(*this / "o.png"));
}

TEST_F(NoImageTest, AModelThatSeesNeedsAPicture) {
  give_model("sees");
  expect_error(vqa("answer --model sees --question 'Is it?'"), 2, {"'--image' is required"});
}

}  // namespace
}  // namespace cli
