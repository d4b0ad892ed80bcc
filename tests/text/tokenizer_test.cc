#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <stdexcept>

#include "data/atomic_file.h"
#include "tests/temporary_folder.h"
#include "text/words_tokenizer.h"

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using text::TokenizerOptions;

namespace {

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "";
}

/// Without the wait for the disk that data::write_file makes.
void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A few hundred distinct questions.
std::vector<std::string> questions() {
  std::vector<std::string> all;
  for (const char* colour : {"red", "green", "blue", "yellow", "purple", "orange"}) {
    for (const char* thing : {"circle", "square", "triangle", "umbrella", "elephant", "bicycle", "skateboard"}) {
      for (const char* form : {"Is there a ", "How many objects are like the ", "What is left of the ", "Where's my "})
        all.push_back(std::string(form) + colour + " " + thing + "?");
    }
  }
  return all;
}

/// Questions of a data set, numbered from 1.
std::vector<data::Question> numbered(const std::vector<std::string>& texts) {
  std::vector<data::Question> all;
  for (const std::string& each : texts)
    all.push_back({.question_id = static_cast<int64_t>(all.size()) + 1, .text = each});
  return all;
}

TokenizerOptions options_of(const std::string& kind, int64_t max_tokens = 14) {
  TokenizerOptions options;
  options.kind = kind;
  options.max_tokens = max_tokens;
  options.vocabulary_size = 100;
  return options;
}

class EveryTokenizer : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<text::Tokenizer> build(int64_t max_tokens = 14) {
    return text::build_tokenizer(numbered(questions()), options_of(GetParam(), max_tokens));
  }
  std::string load_error() {
    return error_of([&] { text::load_tokenizer(folder_.path(), options_of(GetParam())); });
  }
  std::filesystem::path file() { return folder_ / text::tokenizer_file(GetParam()); }

  TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(Kinds, EveryTokenizer, testing::ValuesIn(text::tokenizer_kinds()),
                         [](const auto& kind) { return kind.param; });

}  // namespace

TEST_P(EveryTokenizer, KnowsItsOwnQuestions) {
  const auto tokenizer = build();
  EXPECT_EQ(tokenizer->kind(), GetParam());
  EXPECT_GT(tokenizer->vocabulary_size(), 20);
  for (const std::string& question : questions()) {
    const std::vector<int64_t> ids = tokenizer->encode(question);
    ASSERT_GE(ids.size(), 3u) << question;
    for (const int64_t id : ids) {
      ASSERT_GT(id, text::kUnknownId) << question;
      ASSERT_LT(id, tokenizer->vocabulary_size());
    }
  }
  EXPECT_NE(tokenizer->encode("a red circle"), tokenizer->encode("a blue circle"));
  EXPECT_EQ(tokenizer->encode("A RED circle"), tokenizer->encode("a red circle"));
}

TEST_P(EveryTokenizer, CutsAtMaxTokens) {
  const auto tokenizer = build(3);
  EXPECT_EQ(tokenizer->max_tokens(), 3);
  std::vector<int64_t> whole = build(512)->encode("Is there a purple elephant?");
  whole.resize(3);
  EXPECT_EQ(tokenizer->encode("Is there a purple elephant?"), whole);
}

TEST_P(EveryTokenizer, LoadsWhatItSaved) {
  const auto built = build();
  built->save(folder_.path());
  EXPECT_THAT(std::vector<std::filesystem::path>(std::filesystem::directory_iterator(folder_.path()), {}),
              ElementsAre(file()));
  const auto loaded = text::load_tokenizer(folder_.path(), options_of(GetParam()));
  EXPECT_EQ(loaded->vocabulary_size(), built->vocabulary_size());
  for (const std::string& question : questions()) ASSERT_EQ(loaded->encode(question), built->encode(question));
  const std::string saved = data::read_file(file());
  loaded->save(folder_.path());
  EXPECT_EQ(data::read_file(file()), saved);
}

TEST_P(EveryTokenizer, IsTheSameForTheSameQuestions) {
  build()->save(folder_.path());
  const std::string first = data::read_file(file());
  build()->save(folder_.path());
  EXPECT_EQ(data::read_file(file()), first);
}

TEST_P(EveryTokenizer, UnknownTextGetsTheUnknownId) {
  const auto tokenizer = build();
  EXPECT_THAT(tokenizer->encode("🦒"), testing::Contains(text::kUnknownId));
  for (const char* question : {"日本語", "?!", "\u200B?", "...", "\u00AD"}) {
    const std::vector<int64_t> ids = tokenizer->encode(question);
    EXPECT_THAT(ids, testing::Not(IsEmpty())) << question;
    EXPECT_THAT(ids, Each(testing::Ge(text::kUnknownId))) << question;
  }
}

TEST_P(EveryTokenizer, OddQuestionsNeverCrash) {
  const auto tokenizer = build();
  EXPECT_THAT(tokenizer->encode(std::string("is\0there", 8)), testing::Not(IsEmpty()));
  EXPECT_THAT(tokenizer->encode(std::string(2000, 'x')), testing::Not(IsEmpty()));
  EXPECT_THAT(tokenizer->encode(std::string(1000, '?') + "red"), testing::Not(IsEmpty()));
  EXPECT_THAT(error_of([&] { tokenizer->encode(std::string(10'000, 'x')); }), HasSubstr("10000 characters"));
  EXPECT_THAT(error_of([&] { tokenizer->encode(""); }), HasSubstr("empty"));
  EXPECT_THAT(error_of([&] { tokenizer->encode(" \n"); }), HasSubstr("empty"));
  EXPECT_THAT(error_of([&] { tokenizer->encode("is \xFF it"); }), HasSubstr("0xFF at position 3"));
}

TEST_P(EveryTokenizer, QuestionsOfADataSetAreNamed) {
  const auto tokenizer = build();
  EXPECT_EQ(tokenizer->encode({.question_id = 7, .text = "a red circle"}), tokenizer->encode("a red circle"));
  EXPECT_THAT(error_of([&] { tokenizer->encode({.question_id = 7, .text = " "}); }),
              StartsWith("question 7: the question is empty"));
}

TEST_P(EveryTokenizer, IsBuiltOfOneQuestion) {
  const auto tokenizer = text::build_tokenizer(numbered({"Is it?"}), options_of(GetParam()));
  EXPECT_THAT(tokenizer->encode("Is it?"), Each(testing::Gt(text::kUnknownId)));
}

TEST_P(EveryTokenizer, RefusesQuestionsThatGiveNothing) {
  const auto build_of = [&](const std::vector<std::string>& some) {
    return error_of([&] { text::build_tokenizer(numbered(some), options_of(GetParam())); });
  };
  EXPECT_THAT(build_of({}), HasSubstr("no training questions"));
  EXPECT_THAT(build_of({"fine?", " "}), StartsWith("question 2: the question is empty"));
  EXPECT_THAT(build_of({"caf\xE9"}), StartsWith("question 1: the question is not UTF-8"));
}

TEST_P(EveryTokenizer, FilesThatCannotBeWrittenOrReadNameThePath) {
  const auto tokenizer = build();
  EXPECT_THAT(error_of([&] { tokenizer->save(folder_ / "none"); }), HasSubstr((folder_ / "none").string()));
  EXPECT_THAT(load_error(), HasSubstr(file().string() + ": cannot be read"));
}

TEST_P(EveryTokenizer, ForeignAndEmptyFilesAreRefused) {
  testing::internal::CaptureStderr();
  for (const std::string& content : {std::string(), std::string("no tokenizer at all"), std::string(100, '\0'),
                                     std::string("\x89PNG\r\n\x1A\n12345678\n")}) {
    write(file(), content);
    EXPECT_THAT(load_error(), HasSubstr(file().string() + ": "));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(TokenizerOptionsTest, NamesTheFieldAndWhatIsAllowed) {
  const auto build = [](const TokenizerOptions& options) {
    return error_of([&] { text::build_tokenizer(numbered(questions()), options); });
  };
  EXPECT_THAT(build(options_of("letters")), HasSubstr("'letters'; allowed are words, sentencepiece"));
  EXPECT_THAT(build(options_of("words", 0)), HasSubstr("max-tokens: 0"));
  EXPECT_THAT(build(options_of("words", 513)), HasSubstr("1 to 512"));
  TokenizerOptions options = options_of("sentencepiece");
  options.vocabulary_size = 3;
  EXPECT_THAT(build(options), HasSubstr("vocabulary-size: 3"));
  EXPECT_THROW(text::tokenizer_file("letters"), std::invalid_argument);
}

TEST(WordsTokenizerTest, NumbersWordsInTheOrderTheyAppear) {
  const auto tokenizer = text::build_tokenizer(numbered({"Is it red?", "Is the RED one big?"}), options_of("words"));
  EXPECT_EQ(tokenizer->vocabulary_size(), 8);  // padding, unknown, is it red the one big
  EXPECT_THAT(tokenizer->encode("is it red the one big"), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(tokenizer->encode("Big giraffe, red!"), ElementsAre(7, 1, 4));
  EXPECT_THAT(tokenizer->encode("???"), ElementsAre(1));
}

TEST(WordsTokenizerTest, FileHasAWordALine) {
  const TemporaryFolder folder;
  text::build_tokenizer(numbered({"Is it red?"}), options_of("words"))->save(folder.path());
  EXPECT_EQ(data::read_file(folder / "words.txt"), "is\nit\nred\n");
}

TEST(WordsTokenizerTest, BadLinesAreNamed) {
  const TemporaryFolder folder;
  const auto load = [&](const std::string& content) {
    write(folder / "words.txt", content);
    return error_of([&] { text::load_tokenizer(folder.path(), options_of("words")); });
  };
  EXPECT_EQ(load("is\nit\n"), "");
  EXPECT_THAT(load("is\nit"), HasSubstr("line 2: does not end"));
  EXPECT_THAT(load("is\n\nit\n"), HasSubstr("line 2: "));
  EXPECT_THAT(load("is\nit\nis\n"), HasSubstr("line 3: is stands in line 1 already"));
  EXPECT_THAT(load("two words\n"), HasSubstr("line 1: two words is not one cleaned-up word"));
  EXPECT_THAT(load("Upper\n"), HasSubstr("line 1"));
  EXPECT_THAT(load("a\nb\xFF\n"), HasSubstr("line 2"));
  EXPECT_THAT(load(""), HasSubstr("is empty"));
}

TEST(WordsTokenizerTest, QuestionsOfPunctuationAloneGiveNoVocabulary) {
  EXPECT_THAT(error_of([] { text::build_tokenizer(numbered({"???"}), options_of("words")); }),
              HasSubstr("hold no words"));
}

TEST(SentencePieceTokenizerTest, TruncatedModelsAreRefusedAtEveryLength) {
  const TemporaryFolder folder;
  text::build_tokenizer(numbered(questions()), options_of("sentencepiece"))->save(folder.path());
  const std::string model = data::read_file(folder / "spiece.model");
  const auto load = [&](size_t length) {
    write(folder / "spiece.model", model.substr(0, length));
    return error_of([&] { text::load_tokenizer(folder.path(), options_of("sentencepiece")); });
  };
  testing::internal::CaptureStderr();
  EXPECT_EQ(load(model.size()), "");
  // The pieces stand at the start, a few bytes each; the normaliser's table fills the rest.
  for (size_t length = 0; length < std::min<size_t>(model.size(), 2000); ++length)
    ASSERT_THAT(load(length), HasSubstr("truncated")) << length;
  for (const size_t lost : {1000, 100, 10}) ASSERT_THAT(load(model.size() - lost), HasSubstr("truncated")) << lost;
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(SentencePieceTokenizerTest, TrainsSilently) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  text::build_tokenizer(numbered(questions()), options_of("sentencepiece"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(SentencePieceTokenizerTest, AimsAtTheVocabularySize) {
  TokenizerOptions options = options_of("sentencepiece");
  options.vocabulary_size = 40;
  EXPECT_EQ(text::build_tokenizer(numbered(questions()), options)->vocabulary_size(), 40);
  options.vocabulary_size = 30'000;  // more than these questions give
  EXPECT_LT(text::build_tokenizer(numbered(questions()), options)->vocabulary_size(), 30'000);
}
