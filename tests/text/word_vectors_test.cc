#include "text/word_vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using text::read_word_vectors;
using text::WordVectors;

namespace {

class WordVectorsTest : public testing::Test {
 protected:
  WordVectors read(const std::string& content, const std::vector<std::string>& words, int64_t dim = 0) {
    write_text(path_, content);
    return read_word_vectors(path_, words, dim);
  }
  std::string refusal(const std::string& content, int64_t dim = 0) {
    const std::string message = error_of<std::runtime_error>([&] { read(content, {"a", "b"}, dim); });
    EXPECT_THAT(message, StartsWith(path_.string() + ": "));
    return message;
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "vectors.txt";
};

}  // namespace

TEST_F(WordVectorsTest, KeepsTheWantedRows) {
  const WordVectors vectors = read("the 0.5 -1 2e-1\na 1 2 3\n, 4 5 6\n", {"a", "zebra", "the"});
  EXPECT_EQ(vectors.dim, 3);
  EXPECT_THAT(vectors.values, ElementsAre(1, 2, 3, 0, 0, 0, 0.5F, -1, 0.2F));
  EXPECT_THAT(vectors.found, ElementsAre(true, false, true));
  EXPECT_EQ(vectors.found_count, 2);
}

TEST_F(WordVectorsTest, TheFirstOfTwoLinesCounts) {
  const WordVectors vectors = read("a 1 2\na 3 4\n", {"a"});
  EXPECT_THAT(vectors.values, ElementsAre(1, 2));
  EXPECT_EQ(vectors.found_count, 1);
}

TEST_F(WordVectorsTest, WordsMayHoldBlanks) {
  const WordVectors vectors = read("the 1 2\n. . . 3 4\nat name@domain.com 5 6\na 7 8\n", {". . .", "a", ".", "at"});
  EXPECT_THAT(vectors.values, ElementsAre(3, 4, 7, 8, 0, 0, 0, 0));
  EXPECT_THAT(read(". . . 3 4\n. 5 6\n", {".", ". . ."}).values, ElementsAre(5, 6, 3, 4));
}

TEST_F(WordVectorsTest, WordsMayBeNumbers) {
  EXPECT_THAT(read("the 1 2\n2007 3 4\n", {"2007"}).values, ElementsAre(3, 4));
  EXPECT_THAT(read("2007 3 4\nthe 1 2\n", {"the"}).values, ElementsAre(1, 2));
}

TEST_F(WordVectorsTest, ReadsWord2vecsFormat) {
  const WordVectors vectors = read("3 2\nthe 1 2 \na 3 4 \nb 5 6 \n", {"a", "3"});
  EXPECT_EQ(vectors.dim, 2);
  EXPECT_THAT(vectors.values, ElementsAre(3, 4, 0, 0));
  EXPECT_THAT(refusal("4 2\nthe 1 2\na 3 4\n"), HasSubstr("has 2 rows, its first line says 4; it is truncated"));
  EXPECT_THAT(refusal("1 200000\na 3 4\n"), HasSubstr("line 1: says 200000 columns"));
}

TEST_F(WordVectorsTest, LinesEndAsTheyDoAnywhere) {
  EXPECT_THAT(read("the 1 2\r\na 3 4\r\n", {"a"}).values, ElementsAre(3, 4));
  EXPECT_THAT(read("the 1 2\na 3 4", {"a"}).values, ElementsAre(3, 4));
}

TEST_F(WordVectorsTest, TheCallerMaySayTheColumns) {
  EXPECT_EQ(read("a 1 2 3\n", {"a"}, 3).dim, 3);
  EXPECT_THAT(refusal("a 1 2 3\n", 2), HasSubstr("has vectors of 3 numbers, word-dim is 2; make them equal"));
  EXPECT_THAT(refusal("1 3\na 1 2 3\n", 4), HasSubstr("has vectors of 3 numbers, word-dim is 4"));
}

TEST_F(WordVectorsTest, RaggedLinesAreNumbered) {
  EXPECT_THAT(refusal("the 1 2 3\na 1 2 3\nx 1 2\n"), HasSubstr("line 3: has 2 numbers behind its word, not 3"));
  EXPECT_THAT(refusal("the 1 2 3\nx 1 2 3 4\na 1 2 3\n"), HasSubstr("line 2: has more than 3 numbers"));
  EXPECT_THAT(refusal("the 1 2 3\n\na 1 2 3\n"), HasSubstr("line 2: has 0 numbers"));
  EXPECT_THAT(refusal("the 1 2 3\nx  1 2 3\na 1 2\n"), HasSubstr("line 3: has 2 numbers"));
}

TEST_F(WordVectorsTest, NumbersThatAreNone) {
  for (const std::string field : {"one", "nan", "inf", "1e99", "1,5", "0x1p3", "1.5f", "\x01"})
    EXPECT_THAT(refusal("the 1 2\na 1 " + field + "\nb 1 2\n"), HasSubstr("line 2: ")) << field;
  EXPECT_THAT(refusal("the 1 2\na 1 one\n"), HasSubstr("line 2: 'one' is no finite number"));
  EXPECT_NO_THROW(read("the 1 2\nx 1 one\na 1 2\n", {"a"}));  // nobody looks at it
}

TEST_F(WordVectorsTest, ForeignFilesAreRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("\n"), HasSubstr("line 1: is not a word and its numbers"));
  EXPECT_THAT(refusal("<html>\n<body> 1 2\n"), HasSubstr("line 1: is not a word and its numbers"));
  EXPECT_THAT(refusal("{\"a\": [1, 2]}\n"), HasSubstr("line 1: is not a word and its numbers"));
  EXPECT_THAT(refusal(std::string("\x1f\x8b\x08\0", 4)), HasSubstr("is packed; unpack it first"));
  EXPECT_THAT(refusal("PK\x03\x04glove"), HasSubstr("is packed"));
  EXPECT_THAT(refusal(std::string(1000, '\0')), HasSubstr("line 1"));
}

TEST_F(WordVectorsTest, FilesWithoutAnyOfTheWords) {
  EXPECT_THAT(refusal("the 1 2\nof 3 4\n"), HasSubstr("has none of the 2 words wanted"));
}

TEST_F(WordVectorsTest, FilesThatCannotBeRead) {
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_word_vectors(folder_ / "none", {"a"}); }),
              HasSubstr("none: cannot be read"));
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_word_vectors(folder_.path(), {"a"}); }),
              HasSubstr("is a folder"));
}

// Memory is given back on the way: what is returned must not be.
TEST_F(WordVectorsTest, FilesLargerThanWhatIsKept) {
  std::string content = "first 1 2\n";
  const std::string row = "filler" + std::string(1 << 20, 'x') + " 3 4\n";
  for (int i = 0; i < 130; ++i) content += row;
  content += "last 5 6\n";
  EXPECT_THAT(read(content, {"last", "first"}).values, ElementsAre(5, 6, 1, 2));
}
