// The clean-up of answers in VQA-v2's evaluator (PythonEvaluationTools of https://github.com/GT-Vision-Lab/VQA), step
// by step, its peculiarities included: published accuracies depend on them. All text is UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace data {

/// Line feeds and tabs become spaces; white space at both ends goes.
std::string strip_answer(std::string_view answer);

/// Each of ; / [ ] " { } ( ) = + \ _ - > < @ ` , ? ! goes where the text anywhere holds it beside a space, or holds a
/// comma between digits; otherwise it becomes a space. The first 32 full stops that no digit follows go.
std::string clean_punctuation(std::string_view answer);

/// Lower case; "none" and number words up to ten become digits; the articles a, an, the go; one apostrophe missing from
/// a contraction comes back; words are joined by single spaces.
std::string clean_words(std::string_view answer);

/// The three steps in this order: the form in which answers are compared and counted.
std::string normalize_answer(std::string_view answer);

}  // namespace data
