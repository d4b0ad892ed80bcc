#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"
#include "tests/text/questions.h"
#include "text/words_tokenizer.h"

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;
using text::TokenizerOptions;

namespace {

class EveryTokenizer : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<text::Tokenizer> build(int64_t max_tokens = 14) {
    return text::build_tokenizer(numbered(questions()), options_of(GetParam(), max_tokens));
  }
  std::string load_error() {
    return error_of<std::exception>([&] { text::load_tokenizer(folder_.path(), options_of(GetParam())); });
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
  const std::vector<int64_t> whole = build(512)->encode("Is there a purple elephant?");
  const std::vector<int64_t> cut = tokenizer->encode("Is there a purple elephant?");
  ASSERT_THAT(cut, SizeIs(3));  // what the last one is depends on the kind
  EXPECT_EQ(cut[0], whole[0]);
  EXPECT_EQ(cut[1], whole[1]);
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
  EXPECT_THAT(error_of<std::exception>([&] { tokenizer->encode(std::string(10'000, 'x')); }),
              HasSubstr("10000 characters"));
  EXPECT_THAT(error_of<std::exception>([&] { tokenizer->encode(""); }), HasSubstr("empty"));
  EXPECT_THAT(error_of<std::exception>([&] { tokenizer->encode(" \n"); }), HasSubstr("empty"));
  EXPECT_THAT(error_of<std::exception>([&] { tokenizer->encode("is \xFF it"); }), HasSubstr("0xFF at position 3"));
}

TEST_P(EveryTokenizer, ThreadsEncodeAsOne) {
  const auto tokenizer = build();
  std::vector<std::vector<int64_t>> expected;
  for (const std::string& question : questions()) expected.push_back(tokenizer->encode(question));
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      const std::vector<std::string> all = questions();
      for (size_t i = 0; i < all.size(); ++i) count += tokenizer->encode(all[i]) != expected[i];
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, Each(0));
}

TEST_P(EveryTokenizer, ReadsEveryScript) {
  const auto tokenizer = build();
  for (const char* question :
       {"\u05DE\u05D4 \u05D4\u05E6\u05D1\u05E2?", "\u202Eis it red\u202C?", "\u0645\u0627 \u0647\u0630\u0627\u061F",
        "\U0001F468\u200D\U0001F469\u200D\U0001F467 is red?", "\uFEFFis it red?", "\uFDFA"}) {
    const std::vector<int64_t> ids = tokenizer->encode(question);
    EXPECT_THAT(ids, testing::Contains(text::kUnknownId)) << question;
    EXPECT_THAT(ids, Each(testing::AllOf(testing::Ge(text::kUnknownId), testing::Lt(tokenizer->vocabulary_size()))));
  }
}

TEST_P(EveryTokenizer, QuestionsOfADataSetAreNamed) {
  const auto tokenizer = build();
  EXPECT_EQ(tokenizer->encode({.question_id = 7, .text = "a red circle"}), tokenizer->encode("a red circle"));
  EXPECT_THAT(error_of<std::exception>([&] { tokenizer->encode({.question_id = 7, .text = " "}); }),
              StartsWith("question 7: the question is empty"));
}

TEST_P(EveryTokenizer, IsBuiltOfOneQuestion) {
  const auto tokenizer = text::build_tokenizer(numbered({"Is it?"}), options_of(GetParam()));
  EXPECT_THAT(tokenizer->encode("Is it?"), Each(testing::Gt(text::kUnknownId)));
}

TEST_P(EveryTokenizer, RefusesQuestionsThatGiveNothing) {
  const auto build_of = [&](const std::vector<std::string>& some) {
    return error_of<std::exception>([&] { text::build_tokenizer(numbered(some), options_of(GetParam())); });
  };
  EXPECT_THAT(build_of({}), HasSubstr("no training questions"));
  EXPECT_THAT(build_of({"fine?", " "}), StartsWith("question 2: the question is empty"));
  EXPECT_THAT(build_of({"caf\xE9"}), StartsWith("question 1: the question is not UTF-8"));
}

TEST_P(EveryTokenizer, FilesThatCannotBeWrittenOrReadNameThePath) {
  const auto tokenizer = build();
  EXPECT_THAT(error_of<std::exception>([&] { tokenizer->save(folder_ / "none"); }),
              HasSubstr((folder_ / "none").string()));
  EXPECT_THAT(load_error(), HasSubstr(file().string() + ": cannot be read"));
}

TEST_P(EveryTokenizer, ForeignAndEmptyFilesAreRefused) {
  testing::internal::CaptureStderr();
  for (const std::string& content : {std::string(), std::string("no tokenizer at all"), std::string(100, '\0'),
                                     std::string("\x89PNG\r\n\x1A\n12345678\n")}) {
    write_text(file(), content);
    EXPECT_THAT(load_error(), HasSubstr(file().string() + ": "));
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(TokenizerOptionsTest, NamesTheFieldAndWhatIsAllowed) {
  const auto build = [](const TokenizerOptions& options) {
    return error_of<std::exception>([&] { text::build_tokenizer(numbered(questions()), options); });
  };
  EXPECT_THAT(build(options_of("letters")), HasSubstr("'letters'; allowed are words, sentencepiece"));
  EXPECT_THAT(build(options_of("words", 0)), HasSubstr("max-tokens: 0"));
  EXPECT_THAT(build(options_of("words", 513)), HasSubstr("1 to 512"));
  EXPECT_THAT(build(options_of("sentencepiece", 2)), HasSubstr("max-tokens: 2; allowed is 3 to 512"));
  TokenizerOptions options = options_of("sentencepiece");
  options.vocabulary_size = 3;
  EXPECT_THAT(build(options), HasSubstr("vocabulary-size: 3"));
  EXPECT_THROW(text::tokenizer_file("letters"), std::invalid_argument);
}

TEST(WordsTokenizerTest, NumbersWordsInTheOrderTheyAppear) {
  const auto tokenizer = text::build_tokenizer(numbered({"Is it red?", "Is the RED one big?"}), options_of("words"));
  EXPECT_EQ(tokenizer->vocabulary_size(), 8);  // padding, unknown, is it red the one big
  EXPECT_THAT(tokenizer->encode("is it red the one big"), ElementsAre(2, 3, 4, 5, 6, 7));
  EXPECT_THAT(text::build_tokenizer(numbered({"Is it red?"}), options_of("words", 2))->encode("it is red"),
              ElementsAre(3, 2));
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
    write_text(folder / "words.txt", content);
    return error_of<std::exception>([&] { text::load_tokenizer(folder.path(), options_of("words")); });
  };
  write_text(folder / "words.txt", "is\nit\n");
  EXPECT_NO_THROW(text::load_tokenizer(folder.path(), options_of("words")));
  EXPECT_THAT(load("is\nit"), HasSubstr("line 2: does not end"));
  EXPECT_THAT(load("is\n\nit\n"), HasSubstr("line 2: "));
  EXPECT_THAT(load("is\nit\nis\n"), HasSubstr("line 3: is stands in line 1 already"));
  EXPECT_THAT(load("two words\n"), HasSubstr("line 1: two words is not one cleaned-up word"));
  EXPECT_THAT(load("Upper\n"), HasSubstr("line 1"));
  EXPECT_THAT(load("a\nb\xFF\n"), HasSubstr("line 2"));
  EXPECT_THAT(load(""), HasSubstr("is empty"));
}

TEST(WordsTokenizerTest, QuestionsOfPunctuationAloneGiveNoVocabulary) {
  EXPECT_THAT(error_of<std::exception>([] { text::build_tokenizer(numbered({"???"}), options_of("words")); }),
              HasSubstr("hold no words"));
}
