// vqa train: what it makes, and from what settings.
#include <algorithm>
#include <regex>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class TrainTest : public CliTest {
 protected:
  void SetUp() override { give_shapes(); }

  /// One epoch on the small set into `m`.
  Outcome train(const std::string& flags) const { return vqa("train --data shapes --out m --epochs 1 " + flags); }

  json model_config() const { return read_json(*this / "m/config.json")["model"]; }
  json training_config() const { return read_json(*this / "m/config.json")["training"]; }

  void expect_answers() const {
    const Outcome answer = vqa("answer --model m --image " + kValPicture + " --question 'How many stars are there?'");
    expect_done(answer);
    EXPECT_EQ(lines(answer.out).size(), 6u) << answer.out;
  }
};

TEST_F(TrainTest, MakesABundleAndItsRecord) {
  const Outcome training = vqa("train --data shapes --out m --epochs 2 --log-every 2" + kTiny);
  expect_done(training);
  EXPECT_THAT(training.out, HasSubstr("m: trained in "));
  EXPECT_EQ(lines(training.out).size(), 1u);
  EXPECT_THAT(training.err, HasSubstr("training on train: 320 questions, 40 images; validation on val: 80 questions"));
  for (const std::string& file : kBundleFiles) EXPECT_TRUE(fs::is_regular_file(*this / ("m/" + file))) << file;

  std::vector<int64_t> epochs, steps;
  for (const std::string& line : lines(read_text(*this / "m/metrics.jsonl"))) {
    const json record = json::parse(line);
    if (record.contains("accuracy")) {
      epochs.push_back(record["epoch"].get<int64_t>());
      EXPECT_GT(record["epoch_loss"], 0);
    } else {
      steps.push_back(record["step"].get<int64_t>());
      EXPECT_GT(record["loss"], 0);
      EXPECT_GT(record["learning_rate"], 0);
    }
  }
  EXPECT_EQ(epochs, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(steps, (std::vector<int64_t>{2, 4, 6, 8, 10}));
}

TEST_F(TrainTest, WithoutValidation) {
  expect_done(train("--val-split ''" + kTiny));
  EXPECT_FALSE(json::parse(lines(read_text(*this / "m/metrics.jsonl")).at(0)).contains("accuracy"));
  expect_answers();
}

TEST_F(TrainTest, SplitsJoinedByPlus) {
  const Outcome training = train("--split train+val" + kTiny);
  expect_done(training);
  EXPECT_THAT(training.err, HasSubstr("training on train+val: 400 questions, 50 images"));
  const Outcome eval = vqa("eval --model m --data shapes --split train+val");
  expect_done(eval);
  EXPECT_THAT(eval.out, HasSubstr("400 questions"));
}

TEST_F(TrainTest, ReadsArchivesLikePlainFiles) {
  give_model("plain");
  for (const std::string& file : {kTrainQuestions, kTrainAnnotations, kValQuestions, kValAnnotations}) {
    write_packed(*this / (file + ".gz"), read_text(*this / file));
    fs::remove(*this / file);
  }
  expect_done(vqa(kTraining + " --out m"));
  EXPECT_EQ(listing(*this / "m")["model.safetensors"], listing(*this / "plain")["model.safetensors"]);
}

TEST_F(TrainTest, SettingsFromAFileOfLines) {
  std::string text = "# a small model\n\n";
  const std::vector<std::string> flags = words(kSmall);
  for (size_t i = 0; i + 1 < flags.size(); i += 2) text += flags[i].substr(2) + " = " + flags[i + 1] + "  # small\r\n";
  write_text(*this / "small.conf", text);
  expect_done(train("--threads 1 --config small.conf"));
  EXPECT_EQ(model_config()["dim"], 16);
  EXPECT_EQ(training_config()["batch-size"], 64);
  expect_answers();
}

TEST_F(TrainTest, SettingsFromJson) {
  json settings;
  const std::vector<std::string> flags = words(kSmall);
  for (size_t i = 0; i + 1 < flags.size(); i += 2) settings[flags[i].substr(2)] = std::stoi(flags[i + 1]);
  settings["dropout"] = 0;
  settings["freeze-backbone"] = true;
  write_text(*this / "small.json", settings.dump(2));
  expect_done(train("--threads 1 --config small.json"));
  EXPECT_EQ(model_config()["dim"], 16);
  EXPECT_EQ(model_config()["dropout"], 0);
  EXPECT_EQ(model_config()["freeze-backbone"], true);
}

TEST_F(TrainTest, SettingsOfAnotherModel) {
  give_model();
  fs::rename(*this / "m", *this / "other");
  expect_done(train("--threads 1 --config other/config.json --seed 5"));
  EXPECT_EQ(model_config(), read_json(*this / "other/config.json")["model"]);
  EXPECT_EQ(training_config()["seed"], 5);
}

TEST_F(TrainTest, ImagesOfABatchHaveOneSize) {
  expect_error(train("--image-size 600/1000" + kTiny), 2, {"image-size: '600/1000'", "a square"});
  expect_error(train("--image-size 64x64" + kTiny), 2, {"image-size: '64x64'", "600/1000"});
  expect_error(train("--image-rule imagenet" + kTiny), 2, {"image-rule: 'imagenet'", "torchvision, grid-feats, clip"});
}

TEST_F(TrainTest, FlagsGoBeforeTheFileAndTheFileBeforeThePreset) {
  write_text(*this / "some.conf", "batch-size = 32\nlearning-rate = 0.002\nepochs = 7\nactivation = gelu\n");
  expect_done(train("--preset mcan-small --config some.conf --backbone resnet-shapes --image-size 64" + kTiny));
  EXPECT_EQ(training_config()["epochs"], 1);  // flag
  EXPECT_EQ(training_config()["batch-size"], 64);
  EXPECT_EQ(training_config()["learning-rate"], 0.002);  // file
  EXPECT_EQ(model_config()["activation"], "gelu");
  EXPECT_EQ(model_config()["attention"], "vanilla");  // preset
}

TEST_F(TrainTest, SettingsThatAreWrongAreToldWithPathAndLine) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
      {"dim = 16\nhaeds = 2\n", {"c: line 2: ", "'haeds'"}},
      {"\ndim = wide\n", {"c: line 2: ", "dim", "'wide'"}},
      {"dim 16\n", {"c: line 1: ", "name = value"}},
      {R"({"haeds": 2})", {"c: ", "'haeds'"}},
      {R"({"dim": 16, )", {"c: ", "byte"}},
  };
  for (const auto& [text, parts] : wrong) {
    write_text(*this / "c", text);
    expect_error(train("--config c"), 1, parts);
  }
  expect_error(train("--config nowhere" + kTiny), 1, {"nowhere: "});
  expect_error(train("--config shapes" + kTiny), 1, {"shapes: ", "folder"});
  EXPECT_FALSE(fs::exists(*this / "m"));
}

TEST_F(TrainTest, VanillaAttention) {
  expect_done(train("--attention vanilla" + kTiny));
  EXPECT_EQ(model_config()["attention"], "vanilla");
  expect_answers();
}

TEST_F(TrainTest, EveryAttentionKind) {
  for (const char* kind : {"dba-paper", "linformer", "linformer-kfree", "ffkernel"}) {
    expect_done(train("--attention " + std::string(kind) + kTiny));
    EXPECT_EQ(model_config()["attention"], kind);
    expect_answers();
    fs::remove_all(*this / "m");
  }
}

TEST_F(TrainTest, MixedAttentionAndSharedLayers) {
  const std::string three_layers = std::regex_replace(kTiny, std::regex("-layers 1"), "-layers 3");
  const Outcome training =
      train("--attention vanilla --image-attention linformer --max-cells 16 --cross-attention dba --share-layers 2" +
            three_layers);
  expect_done(training);
  EXPECT_THAT(training.err, HasSubstr("model: vanilla (question), linformer (image), dba (cross) attention, "));
  EXPECT_EQ(model_config()["question-attention"], "");
  EXPECT_EQ(model_config()["share-layers"], 2);
  const std::string info = vqa("info m").out;
  for (const char* block :
       {"\n  encoder.0-1 ", "\n  encoder.2 ", "\n  decoder.0-1 self ", "\n  decoder.2 cross ", " 1 epoch, "})
    EXPECT_THAT(info, HasSubstr(block));
  expect_answers();
}

TEST_F(TrainTest, AttentionThatCannotBe) {
  expect_error(train("--cross-attention soft" + kTiny), 2, {"cross-attention: 'soft'; allowed are vanilla, dba"});
  expect_error(train("--attention vanilla --image-attention dba --dim 16 --heads 2 --d-in 7"), 2, {"d-in: 7", "heads"});
  expect_error(train("--dim 16 --heads 2 --d-p 17"), 2, {"d-p: 17; allowed is 1 to dim 16"});
  expect_error_after_progress(train("--image-attention linformer --max-cells 15" + kTiny), 2,
                              {"built for at most 15 positions, this sequence has 16"});
}

TEST_F(TrainTest, McanSmallPreset) {
  expect_done(train("--preset mcan-small --backbone resnet-shapes --image-size 64" + kTiny));
  EXPECT_EQ(model_config()["layer-norm"], "openvqa");
  EXPECT_EQ(training_config()["schedule"], "steps");
  expect_answers();
}

TEST_F(TrainTest, SentencePieceTokenizer) {
  const Outcome training = train("--tokenizer sentencepiece --vocabulary-size 80" + kTiny);
  expect_done(training);
  EXPECT_EQ(lines(training.err).size(), 3u) << "SentencePiece's own log: " << training.err;
  expect_answers();
  std::string tokenizer;
  for (const auto& [file, what] : listing(*this / "m")) {
    if (file.starts_with("last") || file == "metrics.jsonl") continue;
    if (std::find(kBundleFiles.begin(), kBundleFiles.end(), file) == kBundleFiles.end()) tokenizer = file;
  }
  ASSERT_NE(tokenizer, "");
  cut_in_half(*this / ("m/" + tokenizer));
  expect_error(vqa("answer --model m --image " + kValPicture + " --question 'How many?'"), 1, {"m/" + tokenizer});
}

TEST_F(TrainTest, MorePiecesThanTheQuestionsGive) {
  // The default is 8,000 pieces; the shapes set has some fifty words.
  expect_done(train("--tokenizer sentencepiece" + kTiny));
  expect_answers();
}

TEST_F(TrainTest, NoAnswerIsFrequentEnough) {
  expect_error_after_progress(train("--min-answer-count 100000" + kTiny), 1, {"100000"});
  EXPECT_FALSE(fs::exists(*this / "m"));
}

TEST_F(TrainTest, SplitWithoutAnnotations) {
  fs::remove(*this / kTrainAnnotations);
  expect_error_after_progress(train(kTiny), 1, {kTrainAnnotations});
  EXPECT_FALSE(fs::exists(*this / "m"));
}

TEST_F(TrainTest, OutThatCannotBeWritten) {
  write_text(*this / "file", "mine");
  const auto before = listing(folder());
  const std::string train = "train --data shapes --epochs 1" + kTiny + " --out ";
  expect_error_after_progress(vqa(train + "file/m"), 1, {"file/m"});
  expect_error_after_progress(vqa(train + "file"), 1, {"file"});
  expect_error_after_progress(vqa(train + "/proc/m"), 1, {"/proc/m"});
  expect_error_after_progress(vqa(train + "shapes"), 1, {"shapes/", "is not a model's", "another --out"});
  expect_same(listing(folder()), before);
}

TEST_F(TrainTest, BeginsWithAModel) {
  give_model();
  const std::string train = "train --model m --data shapes --epochs 1 --threads 1 --workers 1 --out t";
  const Outcome training = vqa(train);
  expect_done(training);
  EXPECT_EQ(read_text(*this / "t/answers.txt"), read_text(*this / "m/answers.txt"));
  expect_error(vqa(train + "2 --dim 32"), 2, {"dim: m has 16, not 32", "--model"});
  expect_error(vqa(train + "2 --preset shapes"), 2, {"preset: ", "leave out --preset"});
  expect_error(vqa(train + "2 --weights m/model.safetensors"), 2, {"weights: ", "leave out --weights"});
  expect_error(vqa("train --resume" + train.substr(5)), 2, {"model: ", "leave out --model"});
  expect_error(vqa("train --model '' --data shapes --out t2"), 2, {"model: "});
  expect_error(vqa("train --model nowhere --data shapes --out t2"), 1, {"nowhere: "});
  EXPECT_FALSE(fs::exists(*this / "t2"));
}

}  // namespace
}  // namespace cli
