// The pieces of an ALBERT vocabulary that stand for no text.
#pragma once

namespace text {

inline constexpr const char* kPaddingPiece = "<pad>";  // id kPaddingId (text/tokenizer.h)
inline constexpr const char* kUnknownPiece = "<unk>";  // id kUnknownId
inline constexpr const char* kBeginPiece = "[CLS]";    // begins every question
inline constexpr const char* kEndPiece = "[SEP]";      // ends every question
inline constexpr const char* kMaskPiece = "[MASK]";    // of pre-training; no question gets it

}  // namespace text
