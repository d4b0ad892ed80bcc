// Given word vectors: GloVe's text files (Pennington et al. 2014). No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace text {

struct WordVectors {
  int64_t dim = 0;            // D
  std::vector<float> values;  // (words, D), row-major; zeros where a word was not found
  std::vector<bool> found;    // (words)
  int64_t found_count = 0;
};

/// The vectors of `words`, which are distinct, from a file with a word and its D numbers a line, divided by single
/// blanks. A word may hold blanks itself (". . ." of glove.840B): the last D fields are the numbers. Where a word
/// stands twice, the first line counts. word2vec's text format, with the numbers of rows and of columns in its first
/// line, is read too. `dim` is D as the caller wants it, 0 to take it from the file's first line.
///
/// One pass over the file, through memory that stays small: only the numbers of wanted words are parsed; of other lines
/// they are counted. Throws std::runtime_error with path (and line) where the file is missing, empty or packed, a line
/// has another number of columns, a wanted word's number is none or not finite, the file has not the rows or columns
/// that it or the caller says, or none of the words.
WordVectors read_word_vectors(const std::filesystem::path& path, const std::vector<std::string>& words,
                              int64_t dim = 0);

}  // namespace text
