#include "vqa/prior.h"

#include <algorithm>
#include <map>

#include "data/answer_text.h"

namespace vqa {
namespace {

/// How often each answer was given under a key.
using Counts = std::unordered_map<std::string, std::map<std::string, int64_t>>;

std::unordered_map<std::string, std::string> most_frequent(const Counts& counts) {
  std::unordered_map<std::string, std::string> best;
  for (const auto& [key, answers] : counts) {
    best[key] = std::max_element(answers.begin(), answers.end(), [](const auto& a, const auto& b) {
                  return a.second < b.second;
                })->first;
  }
  return best;
}

}  // namespace

std::string name(Prior prior) {
  switch (prior) {
    case Prior::kMajority:
      return "majority";
    case Prior::kQuestionType:
      return "question type";
    case Prior::kQuestion:
      return "question text";
  }
  return "";
}

PriorGuesser::PriorGuesser(const data::Split& train) {
  Counts by_all, by_type, by_text;
  for (size_t i = 0; i < train.annotations().size(); ++i) {
    const data::Annotation& annotation = train.annotations()[i];
    const std::string answer = data::normalize_answer(annotation.multiple_choice_answer);
    ++by_all[""][answer];
    ++by_type[annotation.question_type][answer];
    ++by_text[train.questions()[i].text][answer];
  }
  by_all_ = most_frequent(by_all).at("");
  by_type_ = most_frequent(by_type);
  by_text_ = most_frequent(by_text);
}

std::vector<data::Result> PriorGuesser::guess(Prior prior, const data::Split& split) const {
  std::vector<data::Result> results;
  for (size_t i = 0; i < split.questions().size(); ++i) {
    const data::Question& question = split.questions()[i];
    const auto text = by_text_.find(question.text);
    const auto type = by_type_.find(split.annotations()[i].question_type);
    const std::string* answer = &by_all_;
    if (prior != Prior::kMajority && type != by_type_.end()) answer = &type->second;
    if (prior == Prior::kQuestion && text != by_text_.end()) answer = &text->second;
    results.push_back({question.question_id, *answer});
  }
  return results;
}

}  // namespace vqa
