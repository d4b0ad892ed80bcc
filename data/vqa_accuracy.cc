#include "data/vqa_accuracy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unordered_map>

#include "data/answer_text.h"
#include "data/settings.h"

namespace data {

namespace {

/// Two decimals of the double's exact value, ties to even, as Python's round(x, 2) has it.
double round_percent(double percent) {
  std::array<char, 64> digits{};
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), percent, std::chars_format::fixed, 2);
  double rounded = 0;
  std::from_chars(digits.data(), written.ptr, rounded);
  return rounded;
}

/// Running mean of accuracies, added up in the evaluator's order so that the last digit agrees.
struct Mean {
  double sum = 0;
  int64_t count = 0;

  void add(double accuracy) {
    sum += accuracy;
    ++count;
  }
  double percent() const { return round_percent(100 * sum / static_cast<double>(count)); }
};

/// Numbers names in the order in which they first come up.
class Numbering {
 public:
  size_t operator()(const std::string& name) {
    const auto [found, is_new] = index_.try_emplace(name, names_.size());
    if (is_new) names_.push_back(name);
    return found->second;
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::unordered_map<std::string, size_t> index_;
  std::vector<std::string> names_;
};

bool all_equal(const std::vector<std::string>& answers) {
  return std::all_of(answers.begin(), answers.end(), [&](const std::string& answer) { return answer == answers[0]; });
}

double accuracy_among(const std::vector<std::string>& answers, const std::string& answer) {
  const auto given = std::count(answers.begin(), answers.end(), answer);
  if (given == 0) return 0;
  double sum = 0;
  for (const std::string& left_out : answers) {
    const auto matches = static_cast<double>(given - (left_out == answer ? 1 : 0));
    sum += std::min(1.0, matches / 3);
  }
  return sum / static_cast<double>(answers.size());
}

std::vector<std::pair<std::string, double>> percents(const std::vector<std::string>& names,
                                                     const std::vector<Mean>& means) {
  std::vector<std::pair<std::string, double>> result;
  for (size_t i = 0; i < names.size(); ++i) result.emplace_back(names[i], means[i].percent());
  return result;
}

}  // namespace

AccuracyRule parse_accuracy_rule(std::string_view name) {
  check_name("rule", name, {"official", "classic"});
  return name == "official" ? AccuracyRule::kOfficial : AccuracyRule::kClassic;
}

VqaAccuracy::VqaAccuracy(const std::vector<Annotation>& annotations, AccuracyRule rule) {
  if (annotations.empty()) throw std::invalid_argument("there are no annotations to score against");
  const bool official = rule == AccuracyRule::kOfficial;
  Numbering answer_types;
  Numbering question_types;
  truths_.reserve(annotations.size());
  for (const Annotation& annotation : annotations) {
    if (annotation.answers.empty()) {
      throw std::invalid_argument("question " + std::to_string(annotation.question_id) +
                                  " has no answers to score against");
    }
    Truth truth;
    truth.question_id = annotation.question_id;
    truth.answer_type = answer_types(annotation.answer_type);
    truth.question_type = question_types(annotation.question_type);
    truth.answers = annotation.answers;
    if (official) std::transform(truth.answers.begin(), truth.answers.end(), truth.answers.begin(), strip_answer);
    const bool clean = !all_equal(truth.answers);
    for (size_t i = 0; clean && i < truth.answers.size(); ++i) {
      truth.answers[i] = clean_punctuation(truth.answers[i]);
      if (official) truth.answers[i] = clean_words(truth.answers[i]);
    }
    truth.clean_result = clean || !official;
    truths_.push_back(std::move(truth));
  }
  answer_types_ = answer_types.take();
  question_types_ = question_types.take();
}

std::string VqaAccuracy::comparable(const Truth& truth, std::string_view answer) const {
  return truth.clean_result ? normalize_answer(answer) : strip_answer(answer);
}

double VqaAccuracy::accuracy(size_t question, std::string_view answer) const {
  const Truth& truth = truths_.at(question);
  return accuracy_among(truth.answers, comparable(truth, answer));
}

AccuracyReport VqaAccuracy::score(const std::vector<Result>& results, const std::string& source) const {
  const std::vector<const Result*> answers = match(results, source);
  AccuracyReport report;
  Mean overall;
  std::vector<Mean> by_answer_type(answer_types_.size());
  std::vector<Mean> by_question_type(question_types_.size());
  for (size_t i = 0; i < truths_.size(); ++i) {
    const double found = accuracy(i, answers[i]->answer);
    overall.add(found);
    by_answer_type[truths_[i].answer_type].add(found);
    by_question_type[truths_[i].question_type].add(found);
    report.per_question.emplace_back(truths_[i].question_id, round_percent(100 * found));
  }
  report.overall = overall.percent();
  report.per_answer_type = percents(answer_types_, by_answer_type);
  report.per_question_type = percents(question_types_, by_question_type);
  return report;
}

std::vector<const Result*> VqaAccuracy::match(const std::vector<Result>& results, const std::string& source) const {
  std::unordered_map<int64_t, size_t> index;  // by question id
  index.reserve(truths_.size());
  for (size_t i = 0; i < truths_.size(); ++i) index[truths_[i].question_id] = i;

  std::vector<const Result*> answers(truths_.size());
  for (const Result& result : results) {
    const std::string id = std::to_string(result.question_id);
    const auto found = index.find(result.question_id);
    if (found == index.end()) throw std::runtime_error(source + ": question " + id + " is not in the set scored");
    if (answers[found->second] != nullptr) throw std::runtime_error(source + ": question " + id + " has two results");
    answers[found->second] = &result;
  }
  const auto missing = std::count(answers.begin(), answers.end(), nullptr);
  if (missing > 0) {
    const auto first = std::find(answers.begin(), answers.end(), nullptr) - answers.begin();
    throw std::runtime_error(source + ": " + std::to_string(missing) + " of " + std::to_string(truths_.size()) +
                             " questions have no result, the first is question " +
                             std::to_string(truths_[static_cast<size_t>(first)].question_id));
  }
  return answers;
}

std::string to_json(const AccuracyReport& report) {
  const auto table = [](const std::vector<std::pair<std::string, double>>& rows) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (const auto& [name, percent] : rows)
      object.get_ref<nlohmann::ordered_json::object_t&>().emplace_back(name, percent);
    return object;
  };
  nlohmann::ordered_json json;
  json["accuracy"]["overall"] = report.overall;
  json["accuracy"]["perQuestionType"] = table(report.per_question_type);
  json["accuracy"]["perAnswerType"] = table(report.per_answer_type);
  std::vector<std::pair<std::string, double>> per_question;
  for (const auto& [id, percent] : report.per_question) per_question.emplace_back(std::to_string(id), percent);
  json["evalQA"] = table(per_question);
  return json.dump() + "\n";
}

AccuracyReport score(const std::vector<Annotation>& annotations, const std::vector<Result>& results,
                     AccuracyRule rule) {
  return VqaAccuracy(annotations, rule).score(results);
}

double best_possible_accuracy(const std::vector<Annotation>& annotations, AccuracyRule rule) {
  const VqaAccuracy accuracy(annotations, rule);
  Mean overall;
  for (size_t i = 0; i < annotations.size(); ++i) {
    double best = 0;
    for (const std::string& answer : annotations[i].answers) best = std::max(best, accuracy.accuracy(i, answer));
    overall.add(best);
  }
  return overall.percent();
}

}  // namespace data
