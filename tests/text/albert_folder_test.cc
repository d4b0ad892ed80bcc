#include "text/albert_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "tests/data/error_of.h"
#include "tests/data/pickles.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"
#include "tests/text/small_albert.h"
#include "text/frozen_albert.h"

using testing::HasSubstr;
using testing::StartsWith;

namespace {

/// A state_dict as torch.save writes it.
std::string saved(const data::TensorFile& file) {
  std::vector<std::pair<std::string, std::string>> entries;
  std::map<std::string, std::string> storages;
  for (const auto& [name, given] : file.tensors) {
    const torch::Tensor tensor = given.contiguous();
    const std::string key = std::to_string(storages.size());
    entries.emplace_back(name, pickles::tensor(pickles::storage(key, tensor.numel()),
                                               {0, tensor.sizes().vec(), tensor.strides().vec()}));
    storages[key] = std::string(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  }
  return pickles::torch_file(pickles::dict(entries), storages);
}

/// A folder as transformers writes one for AlbertForMaskedLM, with what is changed of it.
class AlbertFolderTest : public testing::Test {
 protected:
  AlbertFolderTest() {
    write_config();
    for (const auto& [name, tensor] : data::network_tensors(*encoder_).tensors)
      file_.tensors["albert." + name] = tensor;
    file_.tensors["albert.pooler.weight"] = torch::zeros({24, 24});
    file_.tensors["albert.embeddings.position_ids"] = torch::arange(20).unsqueeze(0);
    file_.tensors["predictions.bias"] = torch::zeros({50});
    data::write_safetensors(folder_ / "model.safetensors", file_);
    write_text(folder_ / "spiece.model", "pieces");
  }

  void write_config() const { write_text(folder_ / "config.json", config_.dump()); }
  text::AlbertFolder read() const { return text::read_albert_folder(folder_.path()); }
  std::string error() const {
    return error_of<std::runtime_error>([&] { read(); });
  }
  /// The error where config.json has this setting.
  std::string error_with(const std::string& key, const nlohmann::json& value) {
    const nlohmann::json before = config_;
    config_[key] = value;
    write_config();
    config_ = before;
    const std::string message = error();
    EXPECT_THAT(message, StartsWith((folder_ / "config.json").string() + ": "));
    return message;
  }
  /// The encoder's outputs and those of what was read are the same.
  void expect_same(const text::AlbertFolder& read) {
    const SmallQuestions given = small_questions();
    const torch::NoGradGuard no_grad;
    const torch::Tensor ours = text::FrozenAlbert(read.options, read.tensors).forward(given.ids, given.lengths);
    EXPECT_TRUE(torch::equal(ours, encoder_->forward(given.ids, given.lengths)));
  }

  const TemporaryFolder folder_;
  text::AlbertEncoder encoder_ = small_albert();
  data::TensorFile file_;
  nlohmann::json config_ = {{"architectures", {"AlbertForMaskedLM"}},
                            {"model_type", "albert"},
                            {"vocab_size", 50},
                            {"embedding_size", 8},
                            {"hidden_size", 24},
                            {"num_hidden_layers", 3},
                            {"num_hidden_groups", 2},
                            {"inner_group_num", 2},
                            {"num_attention_heads", 2},
                            {"intermediate_size", 40},
                            {"max_position_embeddings", 20}};
};

TEST_F(AlbertFolderTest, IsReadWithSafetensors) {
  const text::AlbertFolder folder = read();
  EXPECT_EQ(folder.options.groups, 2);
  EXPECT_EQ(folder.options.types, 2);
  EXPECT_EQ(folder.options.activation, "gelu_new");
  EXPECT_EQ(folder.options.layer_norm_eps, 1e-12);
  EXPECT_TRUE(folder.lower_case);
  EXPECT_FALSE(folder.keep_accents);
  EXPECT_EQ(folder.spiece, folder_ / "spiece.model");
  EXPECT_EQ(folder.weights, folder_ / "model.safetensors");
  EXPECT_EQ(folder.tensors.tensors.size(), encoder_->parameters().size());
  expect_same(folder);
}

TEST_F(AlbertFolderTest, IsReadWithPyTorchsFileAndWithoutAPrefix) {
  std::filesystem::remove(folder_ / "model.safetensors");
  write_text(folder_ / "pytorch_model.bin", saved(data::network_tensors(*encoder_)));
  const text::AlbertFolder folder = read();
  EXPECT_EQ(folder.weights, folder_ / "pytorch_model.bin");
  expect_same(folder);
}

TEST_F(AlbertFolderTest, TakesEverySettingAndTheTokenizers) {
  config_["hidden_act"] = "relu";
  config_["layer_norm_eps"] = 1e-5;
  config_["type_vocab_size"] = 2;
  config_["position_embedding_type"] = "absolute";
  write_config();
  write_text(folder_ / "tokenizer_config.json",
             R"({"do_lower_case": false, "keep_accents": true, "remove_space": true})");
  const text::AlbertFolder folder = read();
  EXPECT_EQ(folder.options.activation, "relu");
  EXPECT_EQ(folder.options.layer_norm_eps, 1e-5);
  EXPECT_FALSE(folder.lower_case);
  EXPECT_TRUE(folder.keep_accents);
}

TEST_F(AlbertFolderTest, DefaultsAreHuggingFaces) {
  write_text(folder_ / "config.json", R"({"model_type": "albert"})");
  // What an ALBERT-xxlarge calls for is compared with the small one's tensors.
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("model.safetensors: albert."), HasSubstr("the network needs [")));
  config_.erase("hidden_size");
  write_config();
  EXPECT_THAT(error(), HasSubstr("4096"));
}

TEST_F(AlbertFolderTest, OtherArchitecturesAreRefusedByName) {
  EXPECT_THAT(error_with("model_type", "bert"), HasSubstr("model_type is 'bert'; only 'albert' is supported"));
  config_.erase("model_type");
  write_config();
  EXPECT_THAT(error(), HasSubstr("model_type is ''; only 'albert' is supported"));
}

TEST_F(AlbertFolderTest, SettingsThatAreNotSupportedAreRefusedByName) {
  EXPECT_THAT(error_with("hidden_act", "silu"), HasSubstr("hidden_act: 'silu'; allowed are gelu_new, gelu, relu"));
  EXPECT_THAT(error_with("position_embedding_type", "relative_key"),
              HasSubstr("position_embedding_type is 'relative_key'; only 'absolute' is supported"));
  EXPECT_THAT(error_with("num_attention_heads", 5), HasSubstr("heads: 5; allowed is what divides dim, 24"));
  EXPECT_THAT(error_with("hidden_size", 24.5), HasSubstr("hidden_size is 24.5, no whole number"));
  EXPECT_THAT(error_with("hidden_size", "24"), HasSubstr("hidden_size is \"24\", no whole number"));
  EXPECT_THAT(error_with("layer_norm_eps", true), HasSubstr("layer_norm_eps is true, no number"));
  EXPECT_THAT(error_with("hidden_act", 3), HasSubstr("hidden_act is 3, no text"));
  EXPECT_THAT(error_with("num_hidden_layers", 1e12),
              HasSubstr("num_hidden_layers is 1000000000000.0, no whole number"));
  EXPECT_THAT(error_with("num_hidden_layers", int64_t{1} << 60),
              HasSubstr("layers: 1152921504606846976; allowed is 1"));
  EXPECT_THAT(error_with("vocab_size", int64_t{1} << 60),
              HasSubstr("vocabulary-size: 1152921504606846976; allowed is"));
}

TEST_F(AlbertFolderTest, ATokenizerThatKeepsSpacesIsRefused) {
  write_text(folder_ / "tokenizer_config.json", R"({"remove_space": false})");
  EXPECT_THAT(error(), HasSubstr("tokenizer_config.json: remove_space is false; only true is supported"));
  write_text(folder_ / "tokenizer_config.json", R"({"do_lower_case": "no"})");
  EXPECT_THAT(error(), HasSubstr("tokenizer_config.json: do_lower_case is \"no\", no true or false"));
}

TEST_F(AlbertFolderTest, MissingFilesAreNamed) {
  EXPECT_THAT(error_of<std::runtime_error>([&] { text::read_albert_folder(folder_ / "absent"); }),
              HasSubstr("absent: is no folder"));
  std::filesystem::remove(folder_ / "model.safetensors");
  EXPECT_THAT(error(), HasSubstr(": holds neither model.safetensors nor pytorch_model.bin"));
  std::filesystem::remove(folder_ / "spiece.model");
  EXPECT_THAT(error(), HasSubstr("spiece.model: is not there"));
  std::filesystem::remove(folder_ / "config.json");
  EXPECT_THAT(error(), HasSubstr("config.json: "));
}

TEST_F(AlbertFolderTest, DamagedFilesAreNamed) {
  write_text(folder_ / "config.json", "[1]");
  EXPECT_THAT(error(), HasSubstr("config.json: is no JSON object"));
  write_text(folder_ / "config.json", "{\"model_type\": ");
  EXPECT_THAT(error(), HasSubstr("config.json: "));
  write_config();
  std::filesystem::resize_file(folder_ / "model.safetensors", 5000);
  EXPECT_THAT(error(), HasSubstr("model.safetensors: "));
}

TEST_F(AlbertFolderTest, WeightsThatAreNotItsOwnAreNamed) {
  const auto write = [&] { data::write_safetensors(folder_ / "model.safetensors", file_); };
  torch::Tensor& scale = file_.tensors["albert.embeddings.LayerNorm.weight"];
  const torch::Tensor good = scale;
  scale = torch::ones({9});
  write();
  EXPECT_THAT(error(),
              HasSubstr("model.safetensors: albert.embeddings.LayerNorm.weight is [9] float, the network needs "
                        "[8] float"));
  scale = good.detach().clone();
  scale[3] = std::numeric_limits<float>::quiet_NaN();
  write();
  EXPECT_THAT(error(),
              HasSubstr("model.safetensors: tensor 'embeddings.LayerNorm.weight' holds numbers that are not finite"));
  scale = good;
  file_.tensors["albert.encoder.albert_layer_groups.2.albert_layers.0.ffn.bias"] = torch::zeros({40});
  write();
  EXPECT_THAT(error(), HasSubstr("model.safetensors: holds 'encoder.albert_layer_groups.2.albert_layers.0.ffn.bias', "
                                 "which its config.json does not call for"));
  file_.tensors.erase("albert.embeddings.LayerNorm.weight");
  write();
  EXPECT_THAT(error(),
              HasSubstr("model.safetensors: lacks 'embeddings.LayerNorm.weight' and in all 1 of the 71 tensors"));
}

}  // namespace
