// What ALBERT's rule makes of a text before SentencePiece cuts it.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace text {

/// As Hugging Face's AlbertTokenizer prepares a text: one blank between words and none around them, `` and '' made ";
/// unless `keep_accents`, decomposed (NFKD) and without combining marks; if `lower_case`, in lower case. `question` is
/// UTF-8.
std::string albert_text(std::string_view question, const TokenizerOptions& options);

}  // namespace text
