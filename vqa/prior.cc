#include "vqa/prior.h"

#include <map>
#include <unordered_map>

#include "data/answer_text.h"

namespace vqa {
namespace {

/// Counts answers under keys and knows each key's most frequent one; of equally frequent ones the first in byte order.
class MostFrequent {
 public:
  void add(const std::string& key, const std::string& answer) { ++counts_[key][answer]; }

  /// Null for a key that was never seen.
  const std::string* find(const std::string& key) const {
    const auto found = counts_.find(key);
    if (found == counts_.end()) return nullptr;
    const std::string* best = nullptr;
    int64_t most = 0;
    for (const auto& [answer, count] : found->second) {
      if (count > most) {
        most = count;
        best = &answer;
      }
    }
    return best;
  }

 private:
  std::unordered_map<std::string, std::map<std::string, int64_t>> counts_;
};

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

std::vector<data::Result> guess(Prior prior, const data::Split& train, const data::Split& split) {
  MostFrequent by_all, by_type, by_text;
  for (size_t i = 0; i < train.annotations().size(); ++i) {
    const data::Annotation& annotation = train.annotations()[i];
    const std::string answer = data::normalize_answer(annotation.multiple_choice_answer);
    by_all.add("", answer);
    by_type.add(annotation.question_type, answer);
    by_text.add(train.questions()[i].text, answer);
  }
  std::vector<data::Result> results;
  for (size_t i = 0; i < split.questions().size(); ++i) {
    const std::string* answer = nullptr;
    if (prior == Prior::kQuestion) answer = by_text.find(split.questions()[i].text);
    if (prior != Prior::kMajority && answer == nullptr) answer = by_type.find(split.annotations()[i].question_type);
    if (answer == nullptr) answer = by_all.find("");
    results.push_back({split.questions()[i].question_id, *answer});
  }
  return results;
}

}  // namespace vqa
