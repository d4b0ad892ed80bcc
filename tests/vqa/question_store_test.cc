#include "vqa/question_store.h"

#include <gtest/gtest.h>

#include "data/atomic_file.h"
#include "tests/temporary_folder.h"
#include "text/lstm_encoder.h"
#include "vqa/batch.h"

namespace vqa {
namespace {

/// An LSTM, and how many questions it has been given.
struct Counting {
  explicit Counting(uint64_t seed = 1) : fingerprint("seed " + std::to_string(seed)) {
    torch::manual_seed(seed);
    lstm = text::LstmEncoder(text::LstmEncoderOptions{.vocabulary_size = 50, .word_dim = 4, .dim = 6});
  }
  FrozenQuestionEncoder frozen() {
    return {
        .name = "lstm", .fingerprint = fingerprint, .dim = 6, .encode = [this](const auto& ids, const auto& lengths) {
          questions += ids.size(0);
          if (stop_after > 0 && questions >= stop_after) stop = true;
          if (fail_after > 0 && questions > fail_after) throw std::runtime_error("the machine failed");
          return lstm->forward(ids, lengths) * scale;
        }};
  }

  text::LstmEncoder lstm{nullptr};
  std::string fingerprint;
  int64_t questions = 0, stop_after = 0, fail_after = 0;
  double scale = 1;
  std::atomic<bool> stop = false;
};

/// Different questions of 1 to 5 tokens, and each a second time.
std::vector<Tokens> questions(int64_t different) {
  std::vector<Tokens> all;
  for (int64_t i = 0; i < 2 * different; ++i) {
    Tokens ids(static_cast<size_t>(1 + i % different % 5), 1);
    ids[0] = 2 + i % different % 48;
    ids.back() = 2 + i % different * 7 % 41;
    ids.push_back(2 + i % different / 48);
    all.push_back(ids);
  }
  return all;
}

class QuestionStoreTest : public testing::Test {
 protected:
  std::unique_ptr<const QuestionStore> open(Counting& encoder, const std::vector<Tokens>& all) const {
    return QuestionStore::open(encoder.frozen(), {all}, {.path = path_, .stop = &encoder.stop});
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "questions.h5";
};

TEST_F(QuestionStoreTest, GivesWhatTheEncoderSays) {
  Counting encoder;
  const std::vector<Tokens> all = questions(100);
  const auto store = open(encoder, all);
  Batch batch;
  batch.set_tokens({all.begin(), all.begin() + 8});
  const torch::NoGradGuard no_grad;
  const torch::Tensor wanted = encoder.lstm->forward(batch.tokens, batch.token_lengths);
  const torch::Tensor found = store->read({all.begin(), all.begin() + 8});
  EXPECT_EQ(found.sizes(), wanted.sizes());
  EXPECT_TRUE(torch::allclose(found, wanted, 1e-3, 1e-4));  // half precision
  EXPECT_TRUE(found.masked_select(batch.tokens.eq(0).unsqueeze(2)).eq(0).all().item<bool>());
}

TEST_F(QuestionStoreTest, EncodesEveryDifferentQuestionOnceForAll) {
  Counting encoder;
  const std::vector<Tokens> all = questions(100);
  open(encoder, all);
  EXPECT_EQ(encoder.questions, 100);
  open(encoder, all);
  EXPECT_EQ(encoder.questions, 100);
  open(encoder, {all.begin(), all.begin() + 10});  // it has these too
  EXPECT_EQ(encoder.questions, 100);
}

TEST_F(QuestionStoreTest, AnotherEncoderOrOtherQuestionsAreEncodedAnew) {
  Counting one(1), other(2);
  const std::vector<Tokens> all = questions(30), more = questions(40);
  open(one, all);
  const torch::Tensor before = open(one, all)->read({all[3]});
  const auto store = open(other, all);
  EXPECT_EQ(other.questions, 30);
  EXPECT_FALSE(torch::allclose(store->read({all[3]}), before, 1e-3, 1e-3));
  open(other, more);
  EXPECT_EQ(other.questions, 70);
}

TEST_F(QuestionStoreTest, GoesOnWhereItWasStopped) {
  Counting encoder;
  const std::vector<Tokens> all = questions(200);
  encoder.stop_after = 100;
  EXPECT_EQ(open(encoder, all), nullptr);
  EXPECT_FALSE(std::filesystem::exists(path_));
  const int64_t before = encoder.questions;
  encoder.stop_after = 0;
  encoder.stop = false;
  EXPECT_NE(open(encoder, all), nullptr);
  EXPECT_GT(before, 0);
  EXPECT_EQ(encoder.questions, 200);
}

TEST_F(QuestionStoreTest, GoesOnToTheSameBytes) {
  Counting whole, parts;
  const std::vector<Tokens> all = questions(200);
  open(whole, all);
  const std::string bytes = data::read_file(path_);
  std::filesystem::remove(path_);
  parts.fail_after = 64;
  EXPECT_THROW(open(parts, all), std::runtime_error);
  ASSERT_TRUE(std::filesystem::exists(data::unfinished_path(path_)));
  parts.fail_after = 0;
  open(parts, all);
  EXPECT_EQ(data::read_file(path_), bytes);
}

TEST_F(QuestionStoreTest, RefusesFeaturesThatHalfPrecisionCannotHold) {
  Counting encoder;
  encoder.scale = 1e6;
  EXPECT_THROW(open(encoder, questions(5)), std::runtime_error);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(QuestionStoreTest, AnAttemptOfOtherQuestionsIsForgotten) {
  Counting encoder;
  encoder.stop_after = 1;
  EXPECT_EQ(open(encoder, questions(200)), nullptr);
  encoder.stop_after = 0;
  encoder.stop = false;
  const std::vector<Tokens> all = questions(50);
  EXPECT_EQ(open(encoder, all)->read({all[7]}).size(2), 6);
}

TEST_F(QuestionStoreTest, ForeignFilesAreLeftAlone) {
  Counting encoder;
  data::write_file(path_, "a poem");
  EXPECT_THROW(open(encoder, questions(5)), std::runtime_error);
  EXPECT_EQ(data::read_file(path_), "a poem");
}

TEST_F(QuestionStoreTest, TellsWhatItLacks) {
  Counting encoder;
  const auto store = open(encoder, questions(5));
  EXPECT_THROW(store->read({Tokens{49, 49, 49}}), std::runtime_error);
}

}  // namespace
}  // namespace vqa
