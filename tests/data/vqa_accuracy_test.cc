#include "data/vqa_accuracy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/text_source.h"
#include "tests/data/error_of.h"

namespace data {
namespace {

using testing::HasSubstr;

const std::string kGolden = VQA_SOURCE_DIR "/tests/golden/eval/";

/// An annotation of question `id` with these answers, so many times each.
Annotation annotation(int64_t id, const std::vector<std::pair<std::string, int>>& answers) {
  Annotation result;
  result.question_id = id;
  result.answer_type = "other";
  result.question_type = "what";
  for (const auto& [answer, count] : answers) result.answers.insert(result.answers.end(), count, answer);
  return result;
}

class GoldenAccuracy : public testing::TestWithParam<std::pair<AccuracyRule, const char*>> {};

TEST_P(GoldenAccuracy, AgreesToTheLastDigit) {
  const std::vector<Annotation> annotations = read_annotations(kGolden + "v2_mscoco_val2014_annotations.json.gz");
  const std::string found =
      to_json(score(annotations, read_results(kGolden + "predictions.json.gz"), GetParam().first));
  using nlohmann::ordered_json;  // the order of keys is the evaluator's too
  TextSource source(kGolden + GetParam().second);
  const ordered_json expected = ordered_json::parse(source.begin(), source.end());
  const ordered_json report = ordered_json::parse(found);
  EXPECT_EQ(report["accuracy"], expected["accuracy"]);
  ASSERT_EQ(report["evalQA"].size(), 8977U);
  for (auto a = report["evalQA"].begin(), b = expected["evalQA"].begin(); b != expected["evalQA"].end(); ++a, ++b) {
    ASSERT_EQ(a.key(), b.key());
    ASSERT_EQ(a.value(), b.value()) << a.key();
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, GoldenAccuracy,
                         testing::Values(std::pair(AccuracyRule::kOfficial, "accuracy.json.gz"),
                                         std::pair(AccuracyRule::kClassic, "accuracy_classic.json.gz")));

TEST(VqaAccuracy, LeavesOutEachPersonInTurn) {
  const VqaAccuracy scorer({annotation(1, {{"p", 1}, {"q", 2}, {"r", 3}, {"s", 4}})});
  // n matches of ten: n persons see n - 1 others, 10 - n persons see n.
  EXPECT_NEAR(scorer.accuracy(0, "P."), 0.3, 1e-12);
  EXPECT_NEAR(scorer.accuracy(0, "q"), 0.6, 1e-12);
  EXPECT_NEAR(scorer.accuracy(0, "r"), 0.9, 1e-12);
  EXPECT_NEAR(scorer.accuracy(0, "s"), 1, 1e-12);
  EXPECT_EQ(scorer.accuracy(0, "t"), 0);
}

TEST(VqaAccuracy, RulesDifferInWhatIsCleanedUp) {
  const std::vector<Annotation> annotations{annotation(1, {{"the cat", 10}}),
                                            annotation(2, {{"the cat.", 9}, {"dog", 1}}), annotation(3, {{" two", 10}}),
                                            annotation(4, {{"yes", 10}})};
  const VqaAccuracy official(annotations, AccuracyRule::kOfficial);
  const VqaAccuracy classic(annotations, AccuracyRule::kClassic);
  EXPECT_EQ(official.accuracy(0, "the cat"), 1);  // agreed upon: compared as it stands
  EXPECT_EQ(official.accuracy(0, "cat"), 0);
  EXPECT_EQ(classic.accuracy(0, "the cat"), 0);  // the result loses its article, people's answers keep it
  EXPECT_EQ(official.accuracy(1, "a cat"), 1);
  EXPECT_EQ(classic.accuracy(1, "a cat"), 0);
  EXPECT_EQ(official.accuracy(2, "two\n"), 1);
  EXPECT_EQ(classic.accuracy(2, "two"), 0);
  EXPECT_EQ(official.accuracy(3, "Yes."), 0);
  EXPECT_EQ(classic.accuracy(3, "Yes."), 1);
  EXPECT_EQ(best_possible_accuracy(annotations, AccuracyRule::kOfficial), 100);
  EXPECT_EQ(best_possible_accuracy(annotations, AccuracyRule::kClassic),
            32.5);  // 30 % of question 2 by "dog", and question 4
}

TEST(VqaAccuracy, BestPossibleTakesTheBestAnswerOfEachQuestion) {
  const std::vector<Annotation> annotations{annotation(1, {{"x", 3}, {"y", 2}, {"z", 2}, {"u", 2}, {"v", 1}}),
                                            annotation(2, {{"x", 4}, {"y", 6}})};
  EXPECT_EQ(best_possible_accuracy(annotations, AccuracyRule::kOfficial), 95);
}

TEST(VqaAccuracy, RoundsAsTheEvaluatorDoes) {
  std::vector<Annotation> annotations;
  std::vector<Result> results;
  for (int64_t id = 1; id <= 7; ++id) {
    annotations.push_back(annotation(id, {{"x", 3}, {"y", 7}}));
    annotations.back().answer_type = id < 4 ? "number" : "other";
    annotations.back().question_type = id == 7 ? "why" : "how";
    results.push_back({id, id < 3 ? "x" : id < 6 ? "y" : "z"});
  }
  const AccuracyReport report = score(annotations, results, AccuracyRule::kOfficial);
  EXPECT_EQ(report.overall, 68.57);  // (2 * 0.9 + 3) / 7
  using Rows = std::vector<std::pair<std::string, double>>;
  EXPECT_EQ(report.per_answer_type, (Rows{{"number", 93.33}, {"other", 50}}));
  EXPECT_EQ(report.per_question_type, (Rows{{"how", 80}, {"why", 0}}));
  EXPECT_EQ(to_json(report),
            "{\"accuracy\":{\"overall\":68.57,\"perQuestionType\":{\"how\":80.0,\"why\":0.0},"
            "\"perAnswerType\":{\"number\":93.33,\"other\":50.0}},\"evalQA\":{\"1\":90.0,\"2\":90.0,\"3\":100.0,"
            "\"4\":100.0,\"5\":100.0,\"6\":0.0,\"7\":0.0}}\n");
}

TEST(VqaAccuracy, RefusesResultsThatAreNotOnePerQuestion) {
  const VqaAccuracy scorer({annotation(1, {{"x", 10}}), annotation(2, {{"x", 10}}), annotation(3, {{"x", 10}})});
  const auto error = [&](const std::vector<Result>& results) {
    return error_of<std::runtime_error>([&] { scorer.score(results, "r.json"); });
  };
  EXPECT_EQ(error({{1, "x"}, {1, "x"}, {3, "x"}}), "r.json: question 1 has two results");
  EXPECT_EQ(error({{1, "x"}}), "r.json: 2 of 3 questions have no result, the first is question 2");
  EXPECT_EQ(error({{1, "x"}, {2, "x"}, {3, "x"}, {77, "x"}}), "r.json: question 77 is not in the set scored");
}

TEST(VqaAccuracy, RefusesWhatCannotBeScoredAgainst) {
  EXPECT_THROW(VqaAccuracy({}), std::invalid_argument);
  EXPECT_THAT(error_of<std::invalid_argument>([&] { VqaAccuracy({annotation(9, {})}); }),
              HasSubstr("question 9 has no answers"));
}

TEST(AccuracyRule, IsParsed) {
  EXPECT_EQ(parse_accuracy_rule("official"), AccuracyRule::kOfficial);
  EXPECT_EQ(parse_accuracy_rule("classic"), AccuracyRule::kClassic);
  EXPECT_EQ(error_of<std::invalid_argument>([] { parse_accuracy_rule("new"); }),
            "rule: 'new'; allowed are official, classic");
}

}  // namespace
}  // namespace data
