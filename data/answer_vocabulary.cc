#include "data/answer_vocabulary.h"

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "data/answer_text.h"
#include "data/atomic_file.h"
#include "data/settings.h"

namespace data {

AnswerVocabulary AnswerVocabulary::build(const std::vector<Annotation>& annotations, int64_t min_count) {
  check_at_least("min-answer-count", min_count, 1);
  AnswerVocabulary vocabulary;
  for (auto& [text, count] : count_answers(annotations)) {
    if (count >= min_count) vocabulary.add(std::move(text));
  }
  if (vocabulary.size() == 0) {
    throw std::runtime_error("none of the " + std::to_string(annotations.size()) +
                             " questions has an answer that occurs " + std::to_string(min_count) +
                             " times; lower min-answer-count");
  }
  return vocabulary;
}

std::vector<std::pair<std::string, int64_t>> count_answers(const std::vector<Annotation>& annotations) {
  // Cleaning up costs more than counting, and most questions have one of few answers.
  std::unordered_map<std::string_view, int64_t> given;
  for (const Annotation& annotation : annotations) ++given[annotation.multiple_choice_answer];
  std::map<std::string, int64_t> cleaned;
  for (const auto& [text, count] : given) cleaned[normalize_answer(text)] += count;

  std::vector<std::pair<std::string, int64_t>> counts(cleaned.begin(), cleaned.end());
  std::stable_sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return counts;
}

AnswerVocabulary AnswerVocabulary::of(const std::vector<std::string>& texts) {
  AnswerVocabulary vocabulary;
  for (const std::string& text : texts) {
    if (text.find('\n') != text.npos) throw std::runtime_error("an answer holds a line break");
    if (!vocabulary.add(text)) throw std::runtime_error("answer '" + text + "' stands twice");
  }
  if (texts.empty()) throw std::runtime_error("there are no answers");
  return vocabulary;
}

AnswerVocabulary AnswerVocabulary::load(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  const auto fail = [&](int64_t line, const std::string& what) {
    throw std::runtime_error(path.string() + ":" + std::to_string(line) + ": " + what);
  };
  if (content.empty()) throw std::runtime_error(path.string() + ": is empty; one answer a line is expected");
  AnswerVocabulary vocabulary;
  for (size_t begin = 0; begin < content.size();) {
    const size_t end = content.find('\n', begin);
    const int64_t line = vocabulary.size() + 1;
    if (end == content.npos) fail(line, "does not end; the file is truncated");
    const std::string text = content.substr(begin, end - begin);
    if (!simdjson::validate_utf8(text)) fail(line, "holds bytes that are not UTF-8");
    if (!vocabulary.add(text)) {
      fail(line, "answer '" + text + "' stands twice, first on line " + std::to_string(*vocabulary.find(text) + 1));
    }
    begin = end + 1;
  }
  return vocabulary;
}

void AnswerVocabulary::save(const std::filesystem::path& path) const {
  std::string content;
  for (const std::string& text : texts_) content.append(text).push_back('\n');
  write_file(path, content);
}

const std::string& AnswerVocabulary::text(int64_t id) const {
  if (id < 0 || id >= size()) {
    throw std::out_of_range("answer " + std::to_string(id) + " is not among the " + std::to_string(size()) + " known");
  }
  return texts_[static_cast<size_t>(id)];
}

std::optional<int32_t> AnswerVocabulary::find(std::string_view text) const {
  const auto found = ids_.find(text);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

std::vector<SoftTarget> AnswerVocabulary::soft_targets(const Annotation& annotation) const {
  std::map<int32_t, int> people;
  for (const std::string& answer : annotation.answers) {
    if (const auto id = find(normalize_answer(answer))) ++people[*id];
  }
  static constexpr float kScores[] = {0, 0.3F, 0.6F, 0.9F, 1};
  std::vector<SoftTarget> targets;
  for (const auto& [id, count] : people) targets.push_back({id, kScores[std::min(count, 4)]});
  return targets;
}

bool AnswerVocabulary::add(std::string text) {
  if (!ids_.try_emplace(text, static_cast<int32_t>(texts_.size())).second) return false;
  texts_.push_back(std::move(text));
  return true;
}

}  // namespace data
