#include "vqa/openvqa_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/atomic_file.h"
#include "data/safetensors.h"
#include "tests/data/error_of.h"
#include "tests/data/grid_store_sample.h"
#include "tests/golden/golden_vqa.h"
#include "tests/temporary_folder.h"
#include "tests/vqa/openvqa_files.h"
#include "vqa/export_weights.h"
#include "vqa/openvqa_checkpoint.h"

namespace vqa {
namespace {

namespace fs = std::filesystem;
using openvqa_files::Format;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kWords = 40, kSpecial = 3, kAnswers = 13, kHeads = 4;  // of the tiny golden model

class OpenvqaImportTest : public testing::Test {
 protected:
  OpenvqaImportTest() {
    openvqa_files::write_words(folder_ / "a.json", 0, 20);
    openvqa_files::write_words(folder_ / "b.json", 20, kWords - kSpecial);
    openvqa_files::write_answers(folder_ / "answers.json", kAnswers);
    weights_.tensors["embedding.weight"] = torch::randn({kWords, 300});
  }

  /// Imports `weights_` from a file in which their names have the prefix.
  Bundle import(Format format = Format::kZip, const std::string& prefix = "") const {
    openvqa_files::write_checkpoint(sources_.checkpoint, weights_, format, prefix);
    return import_openvqa(sources_);
  }
  std::string error() const {
    return error_of<std::runtime_error>([&] { import(); });
  }
  /// The error for a checkpoint, after its path.
  std::string checkpoint_error() const {
    const std::string message = error();
    EXPECT_THAT(message, StartsWith(sources_.checkpoint.string() + ": "));
    return message.substr(std::min(message.size(), sources_.checkpoint.string().size() + 2));
  }

  TemporaryFolder folder_;
  data::TensorFile weights_ = golden::mcan_weights("tiny", 0);
  OpenvqaSources sources_{.checkpoint = folder_ / "epoch13.pkl",
                          .questions = {folder_ / "a.json", folder_ / "b.json"},
                          .answers = folder_ / "answers.json",
                          .heads = kHeads};
};

TEST_F(OpenvqaImportTest, TakesSizesFromTheTensors) {
  const Bundle bundle = import();
  const ModelConfig& model = bundle.config.model;
  EXPECT_EQ(model.attention, "vanilla");
  EXPECT_EQ(model.layer_norm, "openvqa");
  EXPECT_EQ(model.dim, 64);
  EXPECT_EQ(model.heads, kHeads);
  EXPECT_EQ(model.encoder_layers, 2);
  EXPECT_EQ(model.decoder_layers, 2);
  EXPECT_EQ(model.feed_forward, 256);
  EXPECT_EQ(model.pool_dim, 64);
  EXPECT_EQ(model.fused_dim, 128);
  EXPECT_EQ(model.word_dim, 300);
  EXPECT_EQ(model.max_tokens, 14);
  EXPECT_EQ(bundle.model->grid_channels(), 2048);
  EXPECT_EQ(bundle.config.training.learning_rate, 1e-4);
}

TEST_F(OpenvqaImportTest, TheRowOfClsHasNoWord) {
  const Bundle bundle = import();
  EXPECT_EQ(bundle.tokenizer->vocabulary_size(), kWords - 1);
  // openvqa's ids are 3, 22, 39 and 1.
  EXPECT_EQ(bundle.tokenizer->encode("W0, w19/w36 nowhere?"), (std::vector<int64_t>{2, 21, 38, 1}));
  const torch::Tensor theirs = weights_.at("embedding.weight"),
                      ours = bundle.model->named_parameters()["question_encoder.embedding.weight"];
  EXPECT_TRUE(torch::equal(ours.slice(0, 0, 2), theirs.slice(0, 0, 2)));
  EXPECT_TRUE(torch::equal(ours.slice(0, 2), theirs.slice(0, 3)));
}

TEST_F(OpenvqaImportTest, TheOrderOfTheQuestionFilesIsThatOfTheWords) {
  std::swap(sources_.questions[0], sources_.questions[1]);
  EXPECT_EQ(import().tokenizer->encode("w20 w0"), (std::vector<int64_t>{2, 19}));
}

TEST_F(OpenvqaImportTest, AnswersHaveTheirIds) {
  const Bundle bundle = import();
  ASSERT_EQ(bundle.answers.size(), kAnswers);
  for (int64_t id = 0; id < kAnswers; ++id) EXPECT_EQ(bundle.answers.text(id), openvqa_files::answer(id));
}

TEST_F(OpenvqaImportTest, ReadsEveryFormatAndPrefixToTheSameWeights) {
  const auto expected = import().model->named_parameters();
  const auto expect_equal = [&](const Bundle& bundle) {
    for (const auto& item : bundle.model->named_parameters())
      EXPECT_TRUE(torch::equal(item.value(), expected[item.key()])) << item.key();
  };
  expect_equal(import(Format::kOld));
  expect_equal(import(Format::kZip, "module."));
  data::write_safetensors(sources_.checkpoint, weights_);
  expect_equal(import_openvqa(sources_));
}

TEST_F(OpenvqaImportTest, ReadsMcanVqasNames) {
  const auto expected = import().model->named_parameters();
  for (const char* leaf : {"weight", "bias"}) {
    auto taken = weights_.tensors.extract(std::string("adapter.frcn_linear.") + leaf);
    taken.key() = std::string("img_feat_linear.") + leaf;
    weights_.tensors.insert(std::move(taken));
  }
  // It has no CLS.
  EXPECT_THAT(error(), HasSubstr("has embeddings for 40 words, the questions give 39 with PAD and UNK;"));
  weights_.tensors["embedding.weight"] = expected["question_encoder.embedding.weight"].detach();
  for (const auto& item : import().model->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), expected[item.key()])) << item.key();
}

TEST_F(OpenvqaImportTest, NamesWhatOtherModelsLack) {
  weights_.tensors = {{"conv1.weight", torch::ones({2, 2})}, {"fc.bias", torch::ones({2})}};
  EXPECT_THAT(checkpoint_error(),
              AllOf(StartsWith("is no MCAN checkpoint of openvqa, mcan-vqa: it lacks adapter.frcn_linear.bias, "
                               "adapter.frcn_linear.weight, attflat_img.linear_merge.bias, "),
                    HasSubstr(" more")));
  weights_ = golden::mcan_weights("tiny", 0);
  weights_.tensors.erase("backbone.dec_list.1.mhatt2.linear_q.bias");
  EXPECT_THAT(checkpoint_error(), testing::EndsWith("it lacks backbone.dec_list.1.mhatt2.linear_q.bias"));
  for (const char* size : {"embedding.weight", "lstm.weight_hh_l0", "proj.weight", "attflat_img.linear_merge.weight",
                           "adapter.frcn_linear.weight", "backbone.enc_list.0.ffn.mlp.fc.linear.weight"}) {
    weights_ = golden::mcan_weights("tiny", 0);
    weights_.tensors.erase(size);
    EXPECT_THAT(checkpoint_error(), HasSubstr(std::string("it lacks ") + size)) << size;
  }
}

TEST_F(OpenvqaImportTest, NamesWhatMcanDoesNotHave) {
  weights_.tensors["backbone.enc_list.7.norm1.a_2"] = torch::ones({64});
  weights_.tensors["adapter.grid_linear.bias"] = torch::ones({64});
  EXPECT_THAT(checkpoint_error(),
              testing::EndsWith("it has adapter.grid_linear.bias, backbone.enc_list.7.norm1.a_2 too"));
  weights_.tensors["adapter.bbox_linear.weight"] = torch::ones({64, 5});
  EXPECT_THAT(checkpoint_error(), HasSubstr("USE_BBOX_FEAT"));
}

TEST_F(OpenvqaImportTest, RefusesShapesThatDoNotFitEachOther) {
  weights_.tensors["attflat_lang.mlp.linear.weight"] = torch::ones({2, 64});
  EXPECT_THAT(checkpoint_error(), HasSubstr("attflat_lang.mlp.linear.weight is [2, 64] float"));
  weights_ = golden::mcan_weights("tiny", 0);
  weights_.tensors["embedding.weight"] = torch::ones({1, 300});
  EXPECT_THAT(checkpoint_error(), HasSubstr("embedding.weight is [1, 300] float"));
  weights_ = golden::mcan_weights("tiny", 0);
  weights_.tensors["lstm.weight_hh_l0"] = torch::ones({0, 0});
  EXPECT_THAT(checkpoint_error(), HasSubstr("lstm.weight_hh_l0 holds no numbers"));
  // An axis whose length nothing in the file bears out asked for a network larger than any memory.
  weights_.tensors["lstm.weight_hh_l0"] = torch::ones({int64_t{1} << 40, 0});
  EXPECT_THAT(checkpoint_error(), HasSubstr("lstm.weight_hh_l0 holds no numbers"));
  weights_.tensors["lstm.weight_hh_l0"] = torch::ones({64});
  EXPECT_THAT(checkpoint_error(), HasSubstr("lstm.weight_hh_l0 has 1 axes, "));
}

TEST_F(OpenvqaImportTest, RefusesNumbersThatAreNone) {
  weights_.tensors["proj.bias"][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(checkpoint_error(), HasSubstr("tensor 'proj.bias' holds numbers that are not finite"));
}

TEST_F(OpenvqaImportTest, HeadsDivideTheWidth) {
  sources_.heads = 5;
  EXPECT_THAT(error_of<std::invalid_argument>([&] { import(); }),
              HasSubstr("heads: 5; allowed is a divisor of the checkpoint's width, 64"));
  sources_.heads = 0;
  EXPECT_THAT(error_of<std::invalid_argument>([&] { import(); }), HasSubstr("heads: 0"));
}

TEST_F(OpenvqaImportTest, CountsTheWords) {
  sources_.questions.pop_back();
  EXPECT_THAT(checkpoint_error(), AllOf(StartsWith("has embeddings for 40 words, the questions give 23 with PAD, UNK "
                                                   "and CLS; "),
                                        HasSubstr("train, val, test, then Visual Genome")));
}

TEST_F(OpenvqaImportTest, RefusesFilesWithoutQuestions) {
  write_text(folder_ / "b.json", R"({"questions": []})");
  EXPECT_THAT(error(), HasSubstr("b.json: holds no questions"));
  write_text(folder_ / "b.json", R"({"questions": [{"question_id": 1}]})");
  EXPECT_THAT(error(), HasSubstr("b.json: "));
  fs::remove(folder_ / "b.json");
  EXPECT_THAT(error(), HasSubstr("b.json: "));
}

// As Visual Genome's may be.
TEST_F(OpenvqaImportTest, OnlyTheTextsOfQuestionsCount) {
  write_text(folder_ / "b.json", R"({"questions": [{"question": "w0"}, {"question": " ", "question_id": "x"}]})");
  weights_.tensors["embedding.weight"] = torch::ones({23, 300});
  EXPECT_EQ(import().tokenizer->vocabulary_size(), 22);
}

TEST_F(OpenvqaImportTest, CountsTheAnswers) {
  openvqa_files::write_answers(sources_.answers, kAnswers + 1);
  EXPECT_THAT(error(), AllOf(HasSubstr("answers.json: holds 14 answers, "), HasSubstr("was trained on 13")));
}

TEST_F(OpenvqaImportTest, RefusesDamagedAnswers) {
  const auto expect_refused = [&](const std::string& text, const std::string& why) {
    write_text(sources_.answers, text);
    EXPECT_THAT(error_of<std::runtime_error>([&] { read_openvqa_answers(sources_.answers); }),
                AllOf(StartsWith(sources_.answers.string() + ": "), HasSubstr(why)))
        << text;
  };
  for (const char* text : {"{}", "[]", "[{}]", R"([{}, {}, {}])", R"([{"a": 0}, ["a"]])", "[1, 2]"})
    expect_refused(text, "is no answer_dict.json");
  for (const char* text : {R"([{"a": 1}, {"1": "a"}])", R"([{"a": -1}, {"0": "a"}])", R"([{"a": "0"}, {"0": "a"}])",
                           R"([{"a": 0, "b": 0}, {"0": "a"}])", R"([{"a": 0.5}, {"0": "a"}])"})
    expect_refused(text, "the ids of its answers are not 0 to ");
  for (const char* text : {R"([{"a": 0}, {"0": "b"}])", R"([{"a": 0}, {"1": "a"}])", R"([{"a": 0}, {"0": 0}])",
                           R"([{"a": 0}, {"0": "a", "1": "b"}])"})
    expect_refused(text, "its halves differ in the answer of id 0");
  expect_refused("[{}, {}]", "no answers");
  expect_refused(R"([{"a\nb": 0}, {"0": "a\nb"}])", "line break");
  expect_refused("[{\"a\": 0}, {", "");
}

TEST_F(OpenvqaImportTest, RefusesDamagedCheckpoints) {
  import();
  const std::string whole = data::read_file(sources_.checkpoint);
  for (const size_t part : {size_t{0}, size_t{3}, whole.size() / 3, whole.size() - 9}) {
    write_text(sources_.checkpoint, whole.substr(0, part));
    EXPECT_THAT(error_of<std::runtime_error>([&] { import_openvqa(sources_); }),
                StartsWith(sources_.checkpoint.string() + ": "))
        << part;
  }
}

TEST_F(OpenvqaImportTest, AStoreTellsHowFeaturesAreMade) {
  data::GridStorePlan plan = data::sample_plan();
  data::write_sample_store(folder_ / "narrow.h5", plan);
  const data::GridStore narrow(folder_ / "narrow.h5");
  sources_.features.store = &narrow;
  EXPECT_THAT(error(), HasSubstr("narrow.h5: has 5 channels, "));
  plan.channels = 2048;
  data::write_sample_store(folder_ / "G.h5", plan);
  const data::GridStore store(folder_ / "G.h5");
  sources_.features.store = &store;
  const Bundle bundle = import();
  EXPECT_EQ(bundle.grids.backbone, "resnet18");
  EXPECT_EQ(bundle.config.model.image_size, "600/1000");
}

TEST_F(OpenvqaImportTest, WithoutOneAnyStoreOfItsWidthWillDo) {
  const Bundle bundle = import();
  EXPECT_EQ(bundle.grids.backbone, "");
  data::GridStorePlan plan = data::sample_plan();
  data::write_sample_store(folder_ / "narrow.h5", plan);
  plan.channels = 2048;
  data::write_sample_store(folder_ / "G.h5", plan);
  EXPECT_NO_THROW(require_same_grids(bundle, data::GridStore(folder_ / "G.h5")));
  EXPECT_THAT(error_of<std::runtime_error>([&] { require_same_grids(bundle, data::GridStore(folder_ / "narrow.h5")); }),
              HasSubstr("narrow.h5: has 5 channels, the model takes 2048"));
  EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle(bundle).give_sight({}); }), HasSubstr("--features"));
}

TEST_F(OpenvqaImportTest, ExportedItIsTheCheckpointAgain) {
  const data::TensorFile file = exported_weights(import(), "openvqa");
  ASSERT_EQ(file.tensors.size(), weights_.tensors.size());
  for (const auto& [name, tensor] : weights_.tensors) {
    EXPECT_TRUE(name == "embedding.weight" || torch::equal(file.at(name), tensor)) << name;
  }
  torch::Tensor expected = weights_.at("embedding.weight").clone();
  expected[2].zero_();  // CLS, which nobody asks for
  EXPECT_TRUE(torch::equal(file.at("embedding.weight"), expected));
  EXPECT_EQ(exported_weights(import(), "mcan-vqa").at("img_feat_linear.weight").size(0), 64);
  EXPECT_EQ(exported_weights(import(), "mcan-vqa").at("embedding.weight").size(0), kWords - 1);
  EXPECT_TRUE(exported_weights(import(), "own").tensors.contains("grid_projection.weight"));
}

TEST_F(OpenvqaImportTest, OtherNetworksHaveNoNamesInOpenvqa) {
  const auto refused = [&](auto change) {
    ModelOptions options = golden::mcan_options("tiny");
    change(options);
    return error_of<std::invalid_argument>([&] { require_openvqa_form(*Model(options)); });
  };
  EXPECT_NO_THROW(require_openvqa_form(*Model(golden::mcan_options("tiny"))));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.cross_attention = "dba"; }),
              StartsWith("attention: vanilla (question), vanilla (image), dba (cross); allowed is vanilla"));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.layer_norm = "standard"; }),
              StartsWith("layer-norm: standard; allowed is openvqa"));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.activation = "gelu"; }), StartsWith("activation: gelu"));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.share_layers = 2; }), StartsWith("share-layers: 2"));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.grid_position = "sine"; }), StartsWith("grid-position: sine"));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.no_image = true; }), StartsWith("no-image: true"));
  EXPECT_THAT(refused([](ModelOptions& o) { o.config.backbone = "resnet18", o.grid_channels = 0; }),
              HasSubstr("backbone"));
}

}  // namespace
}  // namespace vqa
