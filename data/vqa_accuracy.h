// The accuracy of VQA-v2's evaluator: an answer counts min(1, matches among the other people's answers / 3), averaged
// over leaving out each person in turn (Antol et al., VQA, ICCV 2015; PythonEvaluationTools of GT-Vision-Lab/VQA).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/annotation.h"
#include "data/results.h"

namespace data {

enum class AccuracyRule {
  kOfficial,  // today's evaluator: where people disagree, their answers and the result are cleaned up alike; where all
              // gave the same answer, nothing is
  kClassic,   // before March 2021: the result is always cleaned up; of people's answers only the punctuation, and only
              // where they disagree
};

/// "official" or "classic". Throws std::invalid_argument that names the value and the two.
AccuracyRule parse_accuracy_rule(std::string_view name);

/// Percentages, rounded to two decimals as the evaluator does; types and questions in order of first appearance.
struct AccuracyReport {
  double overall = 0;
  std::vector<std::pair<std::string, double>> per_answer_type;
  std::vector<std::pair<std::string, double>> per_question_type;
  std::vector<std::pair<int64_t, double>> per_question;
};

/// The evaluator's own names: `{"accuracy": {"overall", "perQuestionType", "perAnswerType"}, "evalQA": {id: %}}`.
std::string to_json(const AccuracyReport& report);

/// Scores answers to the questions of a set of annotations, whose answers it cleans up once.
class VqaAccuracy {
 public:
  /// Throws std::invalid_argument where there is no annotation or one has no answers.
  explicit VqaAccuracy(const std::vector<Annotation>& annotations, AccuracyRule rule = AccuracyRule::kOfficial);

  /// The accuracy of an answer to the question with this index in `annotations`: 0 to 1.
  double accuracy(size_t question, std::string_view answer) const;

  /// Scores one result per question, in any order. Throws std::runtime_error that begins with `source` (the results'
  /// path) for a question id that stands twice, that is not in the set, and for questions without a result.
  AccuracyReport score(const std::vector<Result>& results, const std::string& source = "results") const;

 private:
  struct Truth {
    int64_t question_id = 0;
    bool clean_result = true;          // compare with the result's cleaned-up form, else with its stripped form
    std::vector<std::string> answers;  // in the form in which they are compared
    size_t answer_type = 0;            // index into answer_types_
    size_t question_type = 0;          // index into question_types_
  };

  std::string comparable(const Truth& truth, std::string_view answer) const;
  // The result of each question.
  std::vector<const Result*> match(const std::vector<Result>& results, const std::string& source) const;

  std::vector<Truth> truths_;
  std::vector<std::string> answer_types_;
  std::vector<std::string> question_types_;
};

/// VqaAccuracy(annotations, rule).score(results).
AccuracyReport score(const std::vector<Annotation>& annotations, const std::vector<Result>& results, AccuracyRule rule);

/// The overall accuracy, in percent, of giving each question that answer of people's which scores best.
double best_possible_accuracy(const std::vector<Annotation>& annotations, AccuracyRule rule);

}  // namespace data
