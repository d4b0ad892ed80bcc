// Questions and options for tests of the tokenizers.
#pragma once

#include <string>
#include <vector>

#include "text/tokenizer.h"

/// A few hundred distinct questions.
inline std::vector<std::string> questions() {
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
inline std::vector<data::Question> numbered(const std::vector<std::string>& texts) {
  std::vector<data::Question> all;
  for (const std::string& each : texts)
    all.push_back({.question_id = static_cast<int64_t>(all.size()) + 1, .text = each});
  return all;
}

inline text::TokenizerOptions options_of(const std::string& kind, int64_t max_tokens = 14) {
  text::TokenizerOptions options;
  options.kind = kind;
  options.max_tokens = max_tokens;
  options.vocabulary_size = 100;
  return options;
}
