// vqa score: the official accuracy of a file of results.
#include <set>

#include "data/annotation.h"
#include "data/question.h"
#include "data/results.h"
#include "tools/commands/accuracy_table.h"
#include "tools/commands/commands.h"
#include "tools/commands/output_file.h"
#include "tools/commands/usage.h"

namespace tools {
namespace po = boost::program_options;

namespace {

/// The annotations file must be of the questions file: the same ids.
void require_same_questions(const std::string& questions_path, const std::string& annotations_path,
                            const std::vector<data::Annotation>& annotations) {
  std::set<int64_t> annotated;
  for (const data::Annotation& annotation : annotations) annotated.insert(annotation.question_id);
  for (const data::Question& question : data::read_questions(questions_path)) {
    if (annotated.erase(question.question_id) == 0) {
      throw std::runtime_error(annotations_path + ": lacks question " + std::to_string(question.question_id) + " of " +
                               questions_path + ", or one stands there twice; give the annotations of these questions");
    }
  }
  if (!annotated.empty()) {
    throw std::runtime_error(questions_path + ": lacks question " + std::to_string(*annotated.begin()) + " of " +
                             annotations_path + "; give the questions of these annotations");
  }
}

}  // namespace

int score(const std::vector<std::string>& arguments) {
  std::string questions, annotations_path, results, rule = "official", json;
  po::options_description options("Options");
  options.add_options()("questions", po::value(&questions)->required(), "VQA-v2 questions file, .json or .json.gz")(
      "annotations", po::value(&annotations_path)->required(), "their annotations file")(
      "results", po::value(&results)->required(), "EvalAI's [{\"question_id\", \"answer\"}, ...]")(
      "rule", po::value(&rule)->default_value(rule), "official: today's evaluator; classic: the one before March 2021")(
      "json", po::value(&json), "file for the accuracies as JSON");
  const Usage usage{"vqa score --questions Q --annotations A --results R [OPTIONS]",
                    "Scores results as VQA-v2's evaluator does: overall, per answer type and per question type."};
  if (!parse(usage, options, arguments)) return 0;
  require_not_read("json", json, {questions, annotations_path, results});
  const data::AccuracyRule accuracy_rule = data::parse_accuracy_rule(rule);
  const std::vector<data::Annotation> annotations = data::read_annotations(annotations_path);
  if (annotations.empty()) throw std::runtime_error(annotations_path + ": holds no annotations to score against");
  require_same_questions(questions, annotations_path, annotations);
  const data::VqaAccuracy accuracy(annotations, accuracy_rule);
  print_accuracy(accuracy.score(data::read_results(results), results), json);
  return 0;
}

}  // namespace tools
