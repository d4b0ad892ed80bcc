// SentencePiece models of training questions.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace text {

/// Trains a unigram model of `options.vocabulary_size` pieces, fewer where the questions do not give so many, on what
/// albert_text makes of them. The first five are ALBERT's special pieces, in its order: <pad>, <unk>, [CLS], [SEP],
/// [MASK]; every character of the questions is a piece. SentencePiece's own normalisation changes nothing but blanks.
/// The same questions give the same bytes, which are a model file's. Throws std::runtime_error where none can be made.
std::string train_sentencepiece(const std::vector<data::Question>& questions, const TokenizerOptions& options);

}  // namespace text
