// vqa train with other people's files for the question's side.
#include <cmath>
#include <cstring>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kEmbedding = 8, kDim = 12, kInner = 20, kPositions = 20;

/// A safetensors file with some number in every place.
void write_weights(const fs::path& path, const std::vector<std::pair<std::string, std::vector<int64_t>>>& shapes) {
  json header;
  std::vector<float> numbers;
  for (const auto& [name, shape] : shapes) {
    const size_t begin = numbers.size() * sizeof(float);
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    for (int64_t i = 0; i < count; ++i) numbers.push_back(0.3F * std::sin(static_cast<float>(numbers.size())));
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, numbers.size() * sizeof(float)}}};
  }
  const std::string text = header.dump();
  const uint64_t size = text.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes += text;
  bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
  write_text(path, bytes);
}

std::vector<std::pair<std::string, std::vector<int64_t>>> albert_shapes(int64_t pieces) {
  const std::string layer = "albert.encoder.albert_layer_groups.0.albert_layers.0.";
  std::vector<std::pair<std::string, std::vector<int64_t>>> all{
      {"albert.embeddings.word_embeddings.weight", {pieces, kEmbedding}},
      {"albert.embeddings.position_embeddings.weight", {kPositions, kEmbedding}},
      {"albert.embeddings.token_type_embeddings.weight", {2, kEmbedding}}};
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    all.push_back({name + ".weight", {out, in}});
    all.push_back({name + ".bias", {out}});
  };
  const auto norm = [&](const std::string& name, int64_t dim) {
    all.push_back({name + ".weight", {dim}});
    all.push_back({name + ".bias", {dim}});
  };
  norm("albert.embeddings.LayerNorm", kEmbedding);
  linear("albert.encoder.embedding_hidden_mapping_in", kDim, kEmbedding);
  for (const char* part : {"query", "key", "value", "dense"}) linear(layer + "attention." + part, kDim, kDim);
  norm(layer + "attention.LayerNorm", kDim);
  linear(layer + "ffn", kInner, kDim);
  linear(layer + "ffn_output", kDim, kInner);
  norm(layer + "full_layer_layer_norm", kDim);
  return all;
}

class QuestionModelTest : public CliTest {
 protected:
  void SetUp() override {
    give_shapes();
    expect_done(vqa("data tokenizer --questions " + kTrainQuestions + " --out albert --vocab-size 60"));
    const Outcome made =
        vqa("train --no-image --tokenizer sentencepiece --tokenizer-model albert --out pieces" + recipe());
    expect_done(made);
    pieces_ = read_json(*this / "pieces/config.json")["tokens"];
    write_config();
    write_weights(*this / "albert/model.safetensors", albert_shapes(pieces_));
  }

  void write_config(const json& changes = json::object()) const {
    json config{{"model_type", "albert"},       {"vocab_size", pieces_},
                {"embedding_size", kEmbedding}, {"hidden_size", kDim},
                {"num_hidden_layers", 3},       {"num_attention_heads", 2},
                {"intermediate_size", kInner},  {"max_position_embeddings", kPositions},
                {"hidden_act", "gelu_new"}};
    config.update(changes);
    write_text(*this / "albert/config.json", config.dump());
  }

  static std::string recipe() { return " --data shapes --epochs 1" + kTiny; }
  Outcome train(const std::string& flags) const {
    return vqa("train --preset shapes --question-model albert " + flags +
               " --data shapes --out m --epochs 1 --dim 16"
               " --heads 2 --feed-forward 32 --pool-dim 16 --fused-dim 32 --d-p 4 --d-in 8 --encoder-layers 1"
               " --decoder-layers 1 --batch-size 64 --threads 1 --workers 1");
  }

  int64_t pieces_ = 0;
};

TEST_F(QuestionModelTest, FineTunesAFolderFromHuggingFace) {
  expect_done(train("--question-lr-scale 0.5"));
  const json model = read_json(*this / "m/config.json")["model"];
  EXPECT_EQ(model["question-encoder"], "albert");
  EXPECT_EQ(model["question-layers"], 3);
  EXPECT_EQ(model["tokenizer"], "sentencepiece");
  EXPECT_EQ(read_text(*this / "m/spiece.model"), read_text(*this / "albert/spiece.model"));
  expect_done(vqa("answer --model m --image " + kValPicture + " --question 'How many stars are there?'"));
}

TEST_F(QuestionModelTest, FreezesItAndLeavesNoStoreBehind) {
  expect_done(train("--freeze-question"));
  EXPECT_FALSE(fs::exists(*this / "m/questions.h5"));
  expect_done(vqa("eval --model m --data shapes"));
}

TEST_F(QuestionModelTest, RefusesSettingsOfAnother) {
  expect_error(train("--question-layers 2"), 2,
               {"question-layers: albert was made with 3, not 2; leave the setting out"});
  expect_error(train("--tokenizer words"), 2, {"tokenizer: albert was made with sentencepiece, not words"});
  expect_error(train("--max-tokens 21"), 1, {"albert: has positions for 20 tokens; give --max-tokens 20"});
  expect_error(train("--tokenizer-model albert"), 2,
               {"tokenizer-model: --question-model has a tokenizer of its own; leave one of them out"});
  expect_error(train("--word-vectors v.txt"), 2, {"word-vectors: "});
  expect_error(train("--vocabulary-size 60"), 2, {"vocabulary-size: the given tokenizer has its own"});
  expect_error(train("--freeze-question --question-lr-scale 0.1"), 2, {"question-lr-scale: a frozen"});
  expect_error(train("--freeze-question --augment-words 0.1"), 2, {"augment-words: a frozen"});
  expect_error(train("--word-vectors ''"), 2, {"word-vectors: names no file"});
  EXPECT_FALSE(fs::exists(*this / "m"));
}

// What was killed while questions were encoded was resumed as another model.
TEST_F(QuestionModelTest, KilledWhileItEncodesItGoesOnWithItsSettings) {
  RunOptions killed{.signal = SIGKILL,
                    .when = [this](const std::string&) { return fs::exists(*this / "m/last/spiece.model"); }};
  vqa("train --no-image --preset language --question-model albert --freeze-question --data shapes --out m --epochs 2"
      " --dim 16 --pool-dim 16 --fused-dim 32 --threads 1 --workers 1",
      killed);
  expect_done(vqa("train --resume --data shapes --out m --threads 1 --workers 1"));
  EXPECT_EQ(read_json(*this / "m/config.json")["model"]["question-layers"], 3);
  for (const char* file : {"m/questions.h5", "m/questions.h5.part"}) EXPECT_FALSE(fs::exists(*this / file)) << file;
}

TEST_F(QuestionModelTest, FreezesNothingThatKnowsNothing) {
  expect_error(vqa("train --no-image --freeze-question --out x" + recipe()), 2, {"freeze-question: "});
}

TEST_F(QuestionModelTest, NamesWhatIsWrongWithAFolder) {
  write_config({{"model_type", "bert"}});
  expect_error(train(""), 1, {"albert/config.json: ", "bert"});
  write_config({{"vocab_size", pieces_ - 4}});
  expect_error(train(""), 1, {"albert/model.safetensors: ", "word_embeddings"});
  write_config();
  cut_in_half(*this / "albert/spiece.model");
  expect_error(train(""), 1, {"albert/spiece.model: is truncated or no SentencePiece model"});
  fs::remove(*this / "albert/spiece.model");
  expect_error(train(""), 1, {"spiece.model"});
  EXPECT_FALSE(fs::exists(*this / "m"));
}

TEST_F(QuestionModelTest, WordVectorsFillTheLstm) {
  std::string row;
  for (int i = 0; i < 16; ++i) row += " 0.25";
  write_text(*this / "v.txt", "the" + row + "\nstars" + row + "\n");
  const Outcome made = vqa("train --no-image --word-vectors v.txt --out w" + recipe());
  expect_done(made);
  EXPECT_THAT(made.err, HasSubstr("v.txt: has "));
  write_text(*this / "v.txt", "the" + row + "\nstars" + row + " 1\n");
  expect_error(vqa("train --no-image --word-vectors v.txt --out x" + recipe()), 1, {"v.txt: line 2"});
  write_text(*this / "v.txt", "the" + row + " 1\n");
  expect_error(vqa("train --no-image --word-vectors v.txt --out x" + recipe()), 1,
               {"v.txt: has vectors of 17 numbers", "16"});
  expect_error(vqa("train --no-image --tokenizer sentencepiece --word-vectors v.txt --out x" + recipe()), 2,
               {"word-vectors: for the tokenizer words and the question encoder lstm"});
}

}  // namespace
}  // namespace cli
