#include "text/albert_text.h"

#include <gtest/gtest.h>

using text::albert_text;

namespace {

text::TokenizerOptions rule(bool lower_case, bool keep_accents) {
  text::TokenizerOptions options;
  options.lower_case = lower_case;
  options.keep_accents = keep_accents;
  return options;
}

}  // namespace

// Expected values are those of Hugging Face's AlbertTokenizer.preprocess_text, behind its lower case of every
// character.
TEST(AlbertTextTest, SqueezesBlanks) {
  EXPECT_EQ(albert_text("  two\t\nlines\r\n", rule(false, true)), "two lines");
  EXPECT_EQ(albert_text("a\u00A0b\u2003\u3000c\u200Bd", rule(false, true)), "a b c\u200Bd");
  EXPECT_EQ(albert_text("", rule(true, false)), "");
  EXPECT_EQ(albert_text(" \u00A0", rule(true, false)), "");
}

TEST(AlbertTextTest, PairsOfQuotesAreDoubleQuotes) {
  EXPECT_EQ(albert_text("``a'' `b' ```c'''", rule(false, true)), "\"a\" `b' \"`c\"'");
  EXPECT_EQ(albert_text("''''", rule(false, true)), "\"\"");
}

TEST(AlbertTextTest, AccentsGoUnlessKept) {
  EXPECT_EQ(albert_text("na\u00EFve \u00C5 \uFB01 \uFF12\u00BD", rule(false, false)), "naive A fi 21\u20442");
  EXPECT_EQ(albert_text("e\u0301\u0302\u0301", rule(false, false)), "e");
  EXPECT_EQ(albert_text("na\u00EFve \uFB01 e\u0301", rule(false, true)), "na\u00EFve \uFB01 e\u0301");
}

TEST(AlbertTextTest, CapitalsAreLoweredBeforeAndAfter) {
  EXPECT_EQ(albert_text("IS \u00C9 \u0416\u03A3", rule(true, false)), "is e \u0436\u03C3");
  EXPECT_EQ(albert_text("\u2102", rule(true, false)), "c");       // decomposed to a capital
  EXPECT_EQ(albert_text("\u03F9", rule(true, false)), "\u03C2");  // its small letter decomposes to another
  EXPECT_EQ(albert_text("\u0130", rule(true, true)), "i\u0307");  // one character becomes two
  EXPECT_EQ(albert_text("\u0130", rule(true, false)), "i");
  EXPECT_EQ(albert_text("IS", rule(false, false)), "IS");
}

TEST(AlbertTextTest, KeepsNulBytes) {
  EXPECT_EQ(albert_text(std::string("A\0\u00C9", 4), rule(true, false)), std::string("a\0e", 3));
}
