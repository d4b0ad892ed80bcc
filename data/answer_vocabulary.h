// The answers that a model can give: frequent ones, in their cleaned-up form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/annotation.h"

namespace data {

/// Questions that need to have an answer for it to be kept, where nothing else is asked for: on VQA-v2's train and val
/// this leaves the 3,129 answers that published models have.
inline constexpr int64_t kMinAnswerCount = 9;

struct SoftTarget {
  int32_t answer = 0;  // id in the vocabulary
  float score = 0;     // 0.3, 0.6 or 0.9 where one, two or three people gave it, 1 where more did
};

/// How many questions have each cleaned-up `multiple_choice_answer` (normalize_answer): the most frequent first,
/// equally frequent ones in the order of their bytes.
std::vector<std::pair<std::string, int64_t>> count_answers(const std::vector<Annotation>& annotations);

class AnswerVocabulary {
 public:
  /// The answers of count_answers that occur at least `min_count` times, in its order. Throws std::invalid_argument
  /// where min_count is below 1 and std::runtime_error where no answer is frequent enough.
  static AnswerVocabulary build(const std::vector<Annotation>& annotations, int64_t min_count = kMinAnswerCount);

  /// These answers, by id. Throws std::runtime_error for one that stands twice or holds a line break, and for none.
  static AnswerVocabulary of(const std::vector<std::string>& texts);

  /// Reads one answer a line, id 0 first. Throws std::runtime_error with path and line for an empty file, an answer
  /// that stands twice and bytes that are not UTF-8.
  static AnswerVocabulary load(const std::filesystem::path& path);
  /// Writes what `load` reads, atomically. An empty line is an answer too: what remains of "the" cleaned up.
  void save(const std::filesystem::path& path) const;

  int64_t size() const { return static_cast<int64_t>(texts_.size()); }
  /// Throws std::out_of_range.
  const std::string& text(int64_t id) const;
  /// The id of a cleaned-up answer.
  std::optional<int32_t> find(std::string_view text) const;

  /// The people's answers (cleaned up) that the vocabulary holds, by ascending id.
  std::vector<SoftTarget> soft_targets(const Annotation& annotation) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  bool add(std::string text);  // false where it is there already

  std::vector<std::string> texts_;
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> ids_;
};

}  // namespace data
