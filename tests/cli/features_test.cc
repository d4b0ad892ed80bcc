// Models trained on a store of grid features, and what becomes of them when asked about pictures.
#include <csignal>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// The backbone of a small model, as the backbone that others learn from.
const std::string kWeights = " --weights m/model.safetensors";
const std::string kExtract = "extract --backbone resnet-shapes --threads 1 --workers 1 --images shapes/train2014 ";
const std::string kTrain = kTraining + " --features G.h5";

class FeaturesTest : public CliTest {
 protected:
  void SetUp() override {
    give_all();
    extract("G.h5");
  }
  void extract(const std::string& out, const std::string& flags = "shapes/val2014 --image-size 64") const {
    expect_done(vqa(kExtract + flags + kWeights + " --out " + out));
  }
  void train(const std::string& flags = kWeights) const { expect_done(vqa(kTrain + " --out f" + flags)); }
  Outcome eval(const std::string& flags) const { return vqa("eval --data shapes --model " + flags + " --threads 1"); }
  Outcome answer(const std::string& flags = "") const {
    return vqa("answer --json --model f --image picture.png --question 'How many stars are there?'" + flags);
  }
};

TEST_F(FeaturesTest, GiveTheAnswersThatPicturesGive) {
  train();
  const Outcome from_features = eval("f --features G.h5 --results a.json");
  expect_done(from_features);
  const Outcome from_pictures = eval("f --results b.json");
  expect_done(from_pictures);
  EXPECT_EQ(read_json(*this / "a.json"), read_json(*this / "b.json"));
  EXPECT_EQ(from_features.out, from_pictures.out);
  const Outcome info = vqa("info f");
  expect_done(info);
  EXPECT_THAT(info.out, HasSubstr("grid features made by\n  backbone          resnet-shapes\n"));
}

TEST_F(FeaturesTest, AnswerAboutAPictureThatIsNotThere) {
  train();
  const std::string ask = "answer --model f --top 1 --question 'How many stars are there?' --image ";
  const Outcome from_picture = vqa(ask + kValPicture);
  expect_done(from_picture);
  fs::remove_all(*this / "shapes/val2014");
  const Outcome from_features = vqa(ask + kValPicture + " --features G.h5");
  expect_done(from_features);
  EXPECT_EQ(from_features.out, from_picture.out);
  expect_error(vqa(ask + "val2014/9999.png --features G.h5"), 1, {"G.h5: lacks image 9999 of val2014"});
  expect_error(vqa(ask + "test2015/41.png --features G.h5"), 1, {"G.h5: lacks image 41 of test2015"});
  expect_error(vqa(ask + "val2014/cat.png --features G.h5"), 1, {"val2014/cat.png"});
  expect_error(vqa(ask + kValPicture + " --features G.h5 --overlay o.png"), 2, {"features: ", "--overlay"});
  expect_error(vqa("answer --model f --question 'Is it?' --features G.h5"), 2, {"'--image' is required"});
  expect_error(vqa("answer --model m --question 'Is it?' --features G.h5 --image " + kValPicture), 1,
               {"trained from pixels", "leave out --features"});
}

TEST_F(FeaturesTest, NeedNoPictures) {
  fs::remove_all(*this / "shapes/train2014");
  fs::remove_all(*this / "shapes/val2014");
  train();
  expect_done(eval("f --features G.h5"));
  expect_error(eval("f --features G.h5" + kWeights), 2, {"--weights", "--features"});
}

// It was told when the first such picture came, after an epoch or an hour.
TEST_F(FeaturesTest, LargerThanTheAttentionIsBuiltForAreRefusedFirst) {
  expect_error(vqa(kTrain + " --out f --attention linformer --max-cells 3"), 1,
               {"G.h5: has a grid of ", "linformer attention is built for at most 3; train with --max-cells "});
  EXPECT_FALSE(fs::exists(*this / "f"));
}

TEST_F(FeaturesTest, ABackboneKeptInTheModelMovesWithIt) {
  train();
  const Outcome before = answer();
  expect_done(before);
  fs::remove_all(*this / "m");
  fs::remove(*this / "G.h5");
  EXPECT_EQ(answer().out, before.out);
}

// Every save used to copy it.
TEST_F(FeaturesTest, TheBackboneIsKeptOnceInARun) {
  train();
  EXPECT_TRUE(fs::equivalent(*this / "f/backbone.weights", *this / "f/last/backbone.weights"));
  EXPECT_EQ(fs::hard_link_count(*this / "m/model.safetensors"), 1);
  // Saved at the ends of epochs alone, where the best model comes first.
  expect_done(vqa("train --data shapes --epochs 2" + kTiny + " --features G.h5 --out g" + kWeights));
  EXPECT_TRUE(fs::equivalent(*this / "g/backbone.weights", *this / "g/last/backbone.weights"));
}

TEST_F(FeaturesTest, ThatAreNoSquaresAreNamedWhenARunGoesOn) {
  extract("long.h5", "shapes/val2014 --image-size /64");
  expect_done(vqa(kTraining + " --features long.h5 --out f"));
  expect_error(vqa("train --resume --data shapes --out f --threads 1"), 2, {"begun on a store", "--features"});
}

// Each was ignored.
TEST_F(FeaturesTest, FlagsThatDoNothingAreRefused) {
  train();
  expect_error(vqa("train --resume --data shapes --out f --features G.h5" + kWeights), 2, {"leave out --weights"});
  expect_error(vqa(kTraining + " --out g --force"), 2, {"--force is for a store", "--features"});
  expect_error(eval("m --force"), 2, {"--force is for a store", "--features"});
  expect_error(eval("m" + kWeights), 1, {"has a backbone of its own", "leave out --weights"});
  write_text(*this / "settings", "backbone = resnet18\n");
  expect_error(vqa(kTrain + " --out g --config settings"), 2, {"backbone: G.h5 was made with resnet-shapes"});
  expect_error(vqa(kTrain + " --out g --augment-rotate 5"), 2, {"augment-rotate: given grid features stay"});
}

// The first would have been read for ever.
TEST_F(FeaturesTest, WeightsAreAFile) {
  train();
  for (const std::string file : {"/dev/zero", "shapes"}) {
    const std::string weights = " --weights " + file;
    expect_error(answer(weights), 1, {file});
    expect_error(vqa(kTrain + " --out g" + weights), 1, {file});
    expect_error(vqa(kTraining + " --out g" + weights), 1, {file});
    expect_error(vqa(kExtract + "--out h.h5" + weights), 1, {file});
    EXPECT_FALSE(fs::exists(*this / "g") || fs::exists(*this / "h.h5"));
  }
}

TEST_F(FeaturesTest, AModelWithoutBackboneIsGivenOne) {
  train("");
  expect_error(answer(), 1, {"holds no backbone", "--weights"});
  expect_error(eval("f"), 1, {"holds no backbone", "--weights"});
  expect_done(answer(kWeights));
  expect_done(vqa(kTraining + " --out other --seed 5"));
  expect_error(answer(" --weights other/model.safetensors"), 1,
               {"other/model.safetensors was made with weights SHA-256 ", "the model's features with SHA-256 "});
}

TEST_F(FeaturesTest, OfOtherPicturesAreRefusedUnlessForced) {
  train();
  extract("large.h5", "shapes/val2014 --image-size 96");
  expect_error(eval("f --features large.h5 --results r.json"), 1,
               {"large.h5 was made with image-size 96, the model with 64", "--force"});
  EXPECT_FALSE(fs::exists(*this / "r.json"));
  expect_done(eval("f --features large.h5 --force"));
}

TEST_F(FeaturesTest, AreRefusedByAModelThatLearntFromPixels) {
  expect_error(eval("m --features G.h5"), 1, {"G.h5", "trained from pixels", "leave out --features"});
}

TEST_F(FeaturesTest, DecideTheBackbone) {
  expect_error(vqa(kTrain + " --out f --backbone resnet18"), 2,
               {"backbone: G.h5 was made with resnet-shapes", "resnet18"});
  expect_error(vqa(kTrain + " --out f --image-size 32"), 2, {"image-size: G.h5 was made with 64", "32"});
  expect_error(vqa(kTrain + " --out f --weights other"), 1, {"other"});
  EXPECT_FALSE(fs::exists(*this / "f"));
}

TEST_F(FeaturesTest, ThatLackAnImageAreRefused) {
  extract("train.h5", "--image-size 64");
  expect_error_after_progress(vqa(kTraining + " --features train.h5 --out f"), 1,
                              {"train.h5: lacks image 41 of val2014, of question 41000"});
  EXPECT_FALSE(fs::exists(*this / "f"));
  expect_error(eval("m --features no.h5"), 1, {"no.h5"});
}

TEST_F(FeaturesTest, KilledAndResumedEndsInTheSameBytes) {
  train();
  const auto whole = listing(*this / "f");
  fs::remove_all(*this / "f");
  const Outcome killed = vqa(kTrain + " --out f" + kWeights, {.signal = SIGKILL, .when = has_said("epoch 2/3")});
  ASSERT_EQ(killed.code, 128 + SIGKILL);
  expect_error_after_progress(vqa("train --resume --data shapes --out f --threads 1"), 2, {"features: ", "--features"});
  expect_done(vqa("train --resume --data shapes --out f --features G.h5 --threads 1"));
  for (const char* file : {"model.safetensors", "last/model.safetensors", "backbone.weights", "config.json"}) {
    EXPECT_EQ(listing(*this / "f").at(file), whole.at(file)) << file;
  }
}

TEST_F(FeaturesTest, WeightsOfAnotherNetworkAreRefused) {
  expect_error(vqa(kTraining + " --out f --backbone resnet18" + kWeights), 1, {"m/model.safetensors"});
  expect_done(vqa(kTraining + " --out f --freeze-backbone" + kWeights));
  expect_done(eval("f --features G.h5"));  // the same backbone, so the same features
}

}  // namespace
}  // namespace cli
