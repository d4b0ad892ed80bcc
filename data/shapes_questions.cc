#include "data/shapes_questions.h"

#include <algorithm>
#include <set>

#include "data/shapes_forms.h"

namespace data {
namespace {

// Forms drawn for one question before the balance is waived for it: rare forms are out of reach by then only where
// the scene has few questions left.
constexpr int64_t kFormTries = 200;

const ShapesForm& random_form(ExactRandom& random) {
  int64_t total = 0;
  for (const ShapesForm& form : shapes_forms()) total += form.weight;
  int64_t left = random.below(total);
  size_t i = 0;
  while (left >= shapes_forms()[i].weight) left -= shapes_forms()[i++].weight;
  return shapes_forms()[i];
}

/// Keeps the candidates whose `key` is one of those that occur, each as likely as any other.
template <typename Key>
void keep_one_key(std::vector<ShapesCandidate>& candidates, Key key, ExactRandom& random) {
  std::set<int64_t> keys;
  for (const ShapesCandidate& candidate : candidates) keys.insert(key(candidate));
  const int64_t kept = *std::next(keys.begin(), random.below(static_cast<int64_t>(keys.size())));
  std::erase_if(candidates, [&](const ShapesCandidate& candidate) { return key(candidate) != kept; });
}

/// The candidates must not be empty.
ShapesCandidate choose(std::vector<ShapesCandidate> candidates, ExactRandom& random) {
  keep_one_key(
      candidates, [](const ShapesCandidate& candidate) { return candidate.group; }, random);
  keep_one_key(
      candidates, [](const ShapesCandidate& candidate) { return candidate.answer; }, random);
  return candidates[random.below(static_cast<int64_t>(candidates.size()))];
}

}  // namespace

std::vector<ShapesQuestion> ShapesQuestioner::ask(const ShapesScene& scene, int64_t count, ExactRandom& random) {
  std::vector<ShapesQuestion> questions;
  std::set<std::string, std::less<>> asked;
  for (int64_t tries = 0; static_cast<int64_t>(questions.size()) < count; ++tries) {
    const bool waive = tries >= kFormTries;
    const ShapesForm& form = random_form(random);
    std::vector<ShapesCandidate> candidates = list_candidates(form, scene, layout_);
    std::erase_if(candidates, [&](const ShapesCandidate& candidate) {
      return asked.contains(candidate.text) || !(waive || balanced(candidate));
    });
    if (candidates.empty()) continue;
    const ShapesCandidate chosen = choose(std::move(candidates), random);
    const std::vector<std::string> answers = possible_answers(form.answers, layout_);
    std::vector<int64_t>& given = given_[chosen.text];
    given.resize(answers.size());
    ++given[chosen.answer];
    waived_ += waive;
    tries = 0;
    asked.insert(chosen.text);
    questions.push_back(
        {chosen.text, std::string(form.question_type), std::string(answer_type(form.answers)), answers[chosen.answer]});
  }
  return questions;
}

bool ShapesQuestioner::balanced(const ShapesCandidate& candidate) const {
  const auto given = given_.find(candidate.text);
  if (given == given_.end()) return true;
  return given->second[candidate.answer] == *std::min_element(given->second.begin(), given->second.end());
}

}  // namespace data
