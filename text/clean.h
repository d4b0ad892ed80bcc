// What is asked of a question's text before it is tokenised, and its clean-up into words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace text {

/// Longer questions are refused rather than answered by their first few words. VQA-v2's longest has about 100.
inline constexpr int64_t kMaxQuestionCharacters = 2000;

/// Throws std::runtime_error where `question` is empty or blank, is not UTF-8 (naming the byte and its position) or has
/// more than kMaxQuestionCharacters characters.
void check_question(std::string_view question);

/// Words by openvqa's rule (its data loaders' `proc_ques`): lower case, the characters . , ' ! ? " ( ) * # : ; removed,
/// hyphens and slashes made spaces, split at white space. Empty when nothing is left. `question` is UTF-8; a byte
/// that is none becomes the replacement character.
std::vector<std::string> clean_words(std::string_view question);

}  // namespace text
