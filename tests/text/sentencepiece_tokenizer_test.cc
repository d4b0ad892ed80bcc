#include "text/sentencepiece_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <stdexcept>
#include <unordered_map>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"
#include "tests/text/questions.h"

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::StartsWith;
using text::SentencePieceTokenizer;
using text::TokenizerOptions;

namespace {

class Sentences : public sentencepiece::SentenceIterator {
 public:
  explicit Sentences(std::vector<std::string> all) : all_(std::move(all)) {}
  bool done() const override { return at_ == all_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return all_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::vector<std::string> all_;
  size_t at_ = 0;
};

/// A model as somebody else may have made it: on the numbers to 99 and letters, with `settings` besides.
std::string model_with(const std::unordered_map<std::string, std::string>& settings) {
  std::vector<std::string> lines;
  for (int i = 0; i < 100; ++i) lines.push_back("is it " + std::to_string(i) + " or [ ] MASK CLS SEP , ?");
  std::unordered_map<std::string, std::string> all = settings;
  all.insert({{"vocab_size", "60"},
              {"hard_vocab_limit", "false"},
              {"character_coverage", "1"},
              {"pad_id", "0"},
              {"unk_id", "1"},
              {"bos_id", "-1"},
              {"eos_id", "-1"},
              {"control_symbols", "[CLS],[SEP],[MASK]"},
              {"num_threads", "1"},
              {"minloglevel", "3"}});
  Sentences sentences(lines);
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train(all, &sentences, &model);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return model;
}

TokenizerOptions as_written(int64_t max_tokens = 512) {
  TokenizerOptions options = options_of(SentencePieceTokenizer::kKind, max_tokens);
  options.lower_case = false;
  options.keep_accents = true;
  return options;
}

/// The names of a text's pieces: of unknown ones "<unk>".
std::vector<std::string> pieces_of(const std::string& model, const std::string& text,
                                   const TokenizerOptions& options = as_written()) {
  sentencepiece::SentencePieceProcessor names;
  EXPECT_TRUE(names.LoadFromSerializedProto(model).ok());
  std::vector<std::string> pieces;
  for (const int64_t id : SentencePieceTokenizer(model, options).ids(text))
    pieces.push_back(names.IdToPiece(static_cast<int>(id)));
  return pieces;
}

std::string trained_model(const TokenizerOptions& options = options_of("sentencepiece")) {
  const TemporaryFolder folder;
  text::build_tokenizer(numbered(questions()), options)->save(folder.path());
  return data::read_file(folder / "spiece.model");
}

}  // namespace

TEST(SentencePieceTokenizerTest, TrainsAlbertsSpecialPieces) {
  sentencepiece::SentencePieceProcessor names;
  ASSERT_TRUE(names.LoadFromSerializedProto(trained_model()).ok());
  for (const auto& [id, piece] : {std::pair{0, "<pad>"}, {1, "<unk>"}, {2, "[CLS]"}, {3, "[SEP]"}, {4, "[MASK]"}}) {
    EXPECT_EQ(names.IdToPiece(id), piece);
    EXPECT_EQ(names.IsControl(id), id != 1) << piece;
  }
  EXPECT_TRUE(names.IsUnknown(1));
  EXPECT_FALSE(names.IsControl(5));
}

TEST(SentencePieceTokenizerTest, FramesAndCutsAsAlbert) {
  const std::string model = trained_model();
  const TokenizerOptions options = options_of("sentencepiece", 512);
  const std::vector<int64_t> whole = SentencePieceTokenizer(model, options).encode("Is there a purple elephant?");
  ASSERT_GT(whole.size(), 6U);
  EXPECT_EQ(whole.front(), 2);
  EXPECT_EQ(whole.back(), 3);
  for (const int64_t most : {3, 5}) {
    std::vector<int64_t> cut(whole.begin(), whole.begin() + most - 1);
    cut.push_back(3);
    EXPECT_EQ(SentencePieceTokenizer(model, options_of("sentencepiece", most)).encode("Is there a purple elephant?"),
              cut);
  }
  for (const char* nothing : {"", " \t", "\u0301"})
    EXPECT_THAT(SentencePieceTokenizer(model, options).ids(nothing), ElementsAre(2, 3));
}

// Text of nothing but a combining mark is no blank question, but nothing is left of it.
TEST(SentencePieceTokenizerTest, AQuestionOfWhichNothingIsLeft) {
  EXPECT_THAT(SentencePieceTokenizer(trained_model(), options_of("sentencepiece")).encode("\u0301"), ElementsAre(2, 3));
}

TEST(SentencePieceTokenizerTest, OptionsChangeTheText) {
  const std::string model = trained_model();
  TokenizerOptions options = options_of("sentencepiece");
  const auto small = SentencePieceTokenizer(model, options).ids("is there a red circle");
  EXPECT_EQ(SentencePieceTokenizer(model, options).ids("Is thére a RED circle"), small);
  options.keep_accents = true;
  EXPECT_NE(SentencePieceTokenizer(model, options).ids("is thére a red circle"), small);
  options.lower_case = false;
  EXPECT_NE(SentencePieceTokenizer(model, options).ids("is there a RED circle"), small);
  EXPECT_EQ(SentencePieceTokenizer(model, options).ids("is there a red circle"), small);
}

TEST(SentencePieceTokenizerTest, TrainsOnWhatItReads) {
  TokenizerOptions options = options_of("sentencepiece");
  for (const bool lower_case : {true, false}) {
    options.lower_case = lower_case;
    sentencepiece::SentencePieceProcessor names;
    ASSERT_TRUE(names.LoadFromSerializedProto(trained_model(options)).ok());
    EXPECT_EQ(names.PieceToId("W") == text::kUnknownId, lower_case);
  }
}

// Expected: Hugging Face's AlbertTokenizer with the same models.
TEST(SentencePieceTokenizerTest, TheCommaBehindADigitIsAPieceOfItsOwn) {
  const std::string inner = model_with({{"user_defined_symbols", "\"9,\""}});
  EXPECT_THAT(pieces_of(inner, "9,9"), ElementsAre("[CLS]", "\u2581", "9", ",", "9", "[SEP]"));
  EXPECT_THAT(pieces_of(inner, "is 9, it"),
              ElementsAre("[CLS]", "\u2581i", "s", "\u2581", "9", ",", "\u2581i", "t", "[SEP]"));
  const std::string beginning = model_with({{"user_defined_symbols",
                                             "\"\u2581"
                                             "9,\""}});
  const std::vector<std::string> parts = pieces_of(beginning, "9");  // as a text by itself
  std::vector<std::string> expected(parts.begin(), parts.end() - 1);
  expected.insert(expected.end(), {",", "[SEP]"});
  EXPECT_THAT(pieces_of(beginning, "9,"), ElementsAreArray(expected));
  const std::string letter = model_with({{"user_defined_symbols", "\"s,\""}});
  EXPECT_THAT(pieces_of(letter, "is, "), ElementsAre("[CLS]", "\u2581i", "s,", "[SEP]"));
}

// Unknown characters beside each other are one piece, so that a comma goes with its digit where both are unknown.
TEST(SentencePieceTokenizerTest, UnknownDigitsAndCommas) {
  const std::string model = trained_model();
  EXPECT_THAT(pieces_of(model, "1,0,"), ElementsAre("[CLS]", "\u2581", "<unk>", "<unk>", "[SEP]"));
  EXPECT_THAT(pieces_of(model, "\u0663,"), ElementsAre("[CLS]", "\u2581", "<unk>", "<unk>", "[SEP]"));
  EXPECT_THAT(pieces_of(model, ",,"), ElementsAre("[CLS]", "\u2581", "<unk>", "[SEP]"));
}

TEST(SentencePieceTokenizerTest, TextNeverSpellsASpecialPiece) {
  const std::string text = "[CLS] [SEP]it[MASK]<pad> <unk> \u2581 \u2581[MASK] [MASK]9, [CLS]";
  // Models in which special pieces are words wherever text spells them ("user-defined") are about, too.
  for (const char* of_users : {"", "[MASK]", "[MASK],[CLS],[SEP]"}) {
    const std::string model = model_with({{"control_symbols", *of_users == '\0'    ? "[CLS],[SEP],[MASK]"
                                                              : of_users[6] == ',' ? "[none]"
                                                                                   : "[CLS],[SEP]"},
                                          {"user_defined_symbols", of_users}});
    std::vector<std::string> pieces = pieces_of(model, text);
    ASSERT_EQ(pieces.front(), "[CLS]");
    ASSERT_EQ(pieces.back(), "[SEP]");
    pieces = {pieces.begin() + 1, pieces.end() - 1};
    for (const char* special : {"[CLS]", "[SEP]", "[MASK]", "<pad>"})
      EXPECT_THAT(pieces, testing::Not(testing::Contains(special))) << of_users;
    std::string joined;
    for (const std::string& piece : pieces) joined += piece;
    EXPECT_THAT(joined, HasSubstr("it[MASK]")) << of_users;
    EXPECT_THAT(joined, StartsWith("\u2581[CLS]\u2581[SEP]it")) << of_users;
  }
}

TEST(SentencePieceTokenizerTest, TruncatedModelsAreRefusedAtEveryLength) {
  const TemporaryFolder folder;
  const std::string model = trained_model();
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW(SentencePieceTokenizer(model, options_of("sentencepiece")));
  // The last field says how pieces become text again; without it, and not a byte less, the model is whole.
  int64_t whole = 0;
  for (size_t length = 0; length < model.size(); ++length) {
    try {
      SentencePieceTokenizer(model.substr(0, length), options_of("sentencepiece"));
      ++whole;
    } catch (const std::runtime_error& error) {
      ASSERT_THAT(error.what(), HasSubstr("truncated")) << length;
    }
  }
  EXPECT_LE(whole, 1);
  write_text(folder / "spiece.model", model.substr(0, model.size() / 2));
  EXPECT_THAT(error_of<std::runtime_error>([&] { text::load_tokenizer(folder.path(), options_of("sentencepiece")); }),
              StartsWith((folder / "spiece.model").string() + ": is truncated or no SentencePiece model"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(SentencePieceTokenizerTest, ModelsWithoutAlbertsSpecialPiecesAreRefused) {
  const auto refusal = [](const std::unordered_map<std::string, std::string>& settings) {
    const std::string model = model_with(settings);
    return error_of<std::runtime_error>([&] { SentencePieceTokenizer(model, as_written()); });
  };
  EXPECT_THAT(refusal({{"control_symbols", "[SEP]"}}), StartsWith("lacks [CLS]"));
  EXPECT_THAT(refusal({{"control_symbols", "[CLS]"}}), StartsWith("lacks [SEP]"));
  EXPECT_THAT(refusal({{"pad_id", "-1"}}), StartsWith("lacks <pad> at id 0"));
  EXPECT_THAT(refusal({{"pad_id", "1"}, {"unk_id", "0"}}), StartsWith("lacks <pad> at id 0"));
  EXPECT_THAT(refusal({{"bos_id", "1"}, {"unk_id", "2"}}), StartsWith("lacks <unk> at id 1"));
  EXPECT_NO_THROW(SentencePieceTokenizer(model_with({{"control_symbols", "[CLS],[SEP]"}}), as_written()));
}

TEST(SentencePieceTokenizerTest, TrainsSilently) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  trained_model();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(SentencePieceTokenizerTest, AimsAtTheVocabularySize) {
  TokenizerOptions options = options_of("sentencepiece");
  options.vocabulary_size = 45;
  EXPECT_EQ(text::build_tokenizer(numbered(questions()), options)->vocabulary_size(), 45);
  options.vocabulary_size = 30'000;  // more than these questions give
  EXPECT_LT(text::build_tokenizer(numbered(questions()), options)->vocabulary_size(), 30'000);
  options.vocabulary_size = 10;  // fewer than they have letters
  EXPECT_THAT(error_of<std::runtime_error>([&] { text::build_tokenizer(numbered(questions()), options); }),
              HasSubstr("ask for more"));
}
