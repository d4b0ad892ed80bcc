#include "vqa/question_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/safetensors.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/text/small_albert.h"
#include "tests/vqa/small_model.h"
#include "text/frozen_albert.h"
#include "text/sentencepiece_tokenizer.h"

namespace vqa {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

/// A small set, a tokenizer for it, and an ALBERT's folder.
class QuestionModelTest : public testing::Test {
 protected:
  QuestionModelTest() {
    fs::create_directory(folder_ / "albert");
    tokenizer_ = text::build_tokenizer(train_.questions(), {.kind = "sentencepiece", .vocabulary_size = 60});
    tokenizer_->save(folder_ / "albert");
  }

  /// With `more` embeddings than there are pieces.
  text::AlbertFolder albert(int64_t more = 0) const {
    text::AlbertOptions options = small_albert_options();
    options.vocabulary_size = tokenizer_->vocabulary_size() + more;
    const nlohmann::json config{{"model_type", "albert"},
                                {"vocab_size", options.vocabulary_size},
                                {"embedding_size", options.embedding_dim},
                                {"hidden_size", options.dim},
                                {"num_hidden_layers", options.layers},
                                {"num_hidden_groups", options.groups},
                                {"inner_group_num", options.inner_layers},
                                {"num_attention_heads", options.heads},
                                {"intermediate_size", options.feed_forward},
                                {"max_position_embeddings", options.positions},
                                {"hidden_act", "gelu_new"}};
    write_text(folder_ / "albert/config.json", config.dump());
    data::write_safetensors(folder_ / "albert/model.safetensors", data::network_tensors(*small_albert(options)));
    return text::read_albert_folder(folder_ / "albert");
  }

  Bundle made(const text::AlbertFolder& albert) const {
    return new_bundle(small_config(), train_, {}, {.albert = &albert});
  }

  TemporaryFolder folder_;
  data::Split train_ = data::Split::open(small_data(folder_), "train");
  std::shared_ptr<const text::Tokenizer> tokenizer_;
};

TEST_F(QuestionModelTest, ANewModelReadsQuestionsAsTheFolderDoes) {
  for (const int64_t more : {0, 5}) {  // published models have more embeddings than pieces
    const text::AlbertFolder folder = albert(more);
    Bundle bundle = made(folder);
    EXPECT_EQ(bundle.config.model.question_encoder, "albert");
    EXPECT_EQ(bundle.config.model.question_dim, 24);
    EXPECT_EQ(bundle.config.model.tokenizer, "sentencepiece");
    Batch batch;
    const std::vector<int64_t> ids = bundle.tokenizer->encode("How many stars are there?");
    EXPECT_EQ(ids, tokenizer_->encode("How many stars are there?"));
    batch.set_tokens({ids});
    const torch::NoGradGuard no_grad;
    bundle.model->eval();
    EXPECT_TRUE(
        torch::equal(bundle.model->question_encoder().forward(batch.tokens, batch.token_lengths),
                     text::FrozenAlbert(folder.options, folder.tensors).forward(batch.tokens, batch.token_lengths)));
    EXPECT_EQ(bundle.model->encode_question(batch).features.size(2), small_config().model.dim);
  }
}

TEST_F(QuestionModelTest, SurvivesTheBundle) {
  const Bundle before = made(albert());
  fs::create_directory(folder_ / "m");
  before.write(folder_ / "m");
  const Bundle after = Bundle::load(folder_ / "m");
  EXPECT_EQ(after.config.model.question_feed_forward, 40);
  for (const auto& item : before.model->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), after.model->named_parameters()[item.key()])) << item.key();
}

TEST_F(QuestionModelTest, RefusesATokenizerWithMorePieces) {
  const text::AlbertFolder folder = albert(-3);
  EXPECT_THAT(error_of<std::runtime_error>([&] { made(folder); }),
              HasSubstr("spiece.model: has " + std::to_string(tokenizer_->vocabulary_size()) +
                        " pieces, the ALBERT beside it has embeddings for " +
                        std::to_string(tokenizer_->vocabulary_size() - 3)));
}

TEST_F(QuestionModelTest, TakesATokenizerByFileOrFolder) {
  Config config = small_config();
  config.model.tokenizer = "sentencepiece";
  for (const char* place : {"albert", "albert/spiece.model"}) {
    const Bundle bundle = new_bundle(config, train_, {}, {.tokenizer = folder_ / place});
    EXPECT_EQ(bundle.tokenizer->encode("Is there a star?"), tokenizer_->encode("Is there a star?")) << place;
  }
  EXPECT_THAT(error_of<std::runtime_error>([&] { new_bundle(config, train_, {}, {.tokenizer = folder_ / "none"}); }),
              StartsWith((folder_ / "none").string()));
}

TEST_F(QuestionModelTest, WordsGetTheirGivenVectors) {
  Bundle bundle = small_bundle(train_);
  const int64_t id = bundle.tokenizer->encode("there")[0], other = bundle.tokenizer->encode("many")[0];
  const torch::Tensor before = bundle.model->question_encoder().named_parameters()["embedding.weight"].detach().clone();
  std::string row = "there", stranger = "zyzzyva";
  for (int64_t i = 0; i < 16; ++i) {
    row.append(" ").append(std::to_string(i)).append(".5");
    stranger += " 1";
  }
  write_text(folder_ / "vectors.txt", stranger + "\n" + row + "\n");
  EXPECT_THAT(load_word_vectors(folder_ / "vectors.txt", bundle), StartsWith("1 of "));
  const torch::Tensor table = bundle.model->question_encoder().named_parameters()["embedding.weight"].detach();
  EXPECT_TRUE(torch::equal(table[id], torch::arange(16) + 0.5));
  EXPECT_TRUE(torch::equal(table[other], before[other]));
  write_text(folder_ / "vectors.txt", stranger + "\n" + row + " 7\n");
  EXPECT_THAT(error_of<std::runtime_error>([&] { load_word_vectors(folder_ / "vectors.txt", bundle); }),
              HasSubstr("line 2"));
}

TEST_F(QuestionModelTest, PiecesHaveNoWordVectors) {
  Config config = small_config();
  config.model.tokenizer = "sentencepiece";
  Bundle bundle = small_bundle(train_, config);
  EXPECT_THAT(error_of<std::invalid_argument>([&] { load_word_vectors(folder_ / "vectors.txt", bundle); }),
              HasSubstr("word-vectors: for the tokenizer words"));
}

}  // namespace
}  // namespace vqa
