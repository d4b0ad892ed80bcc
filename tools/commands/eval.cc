// vqa eval: a model's answers to a split, scored.
#include <iomanip>
#include <iostream>
#include <optional>

#include "data/atomic_file.h"
#include "data/layout.h"
#include "data/settings.h"
#include "data/vqa_accuracy.h"
#include "tools/commands/accuracy_table.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/output_file.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/runtime.h"
#include "tools/commands/usage.h"
#include "vqa/bundle.h"
#include "vqa/evaluator.h"
#include "vqa/memory.h"
#include "vqa/prior.h"

namespace tools {
namespace po = boost::program_options;

namespace {

struct EvalOptions {
  std::string model, data, split = "val", rule = "official", results, json;
  std::string weights;
  FeatureFlags features;
  bool prior = false;
  int64_t batch_size = vqa::EvaluatorOptions().batch_size;
  RuntimeOptions runtime;

  /// Throws UsageError or std::invalid_argument where flags contradict each other or a value is not allowed.
  void check() const;
};

void EvalOptions::check() const {
  if (model.empty() && !prior) throw UsageError("the option '--model' is required; see 'vqa eval --help'");
  if (model.empty() && !(results.empty() && json.empty())) {
    throw UsageError("--results and --json hold a model's answers and accuracies; give --model");
  }
  if (!results.empty() && results == json) {
    throw UsageError("--results and --json both name " + json + "; give each a file of its own");
  }
  if (!features.file.empty() && !weights.empty()) {
    throw UsageError("--weights is for pictures, --features is read in their place; give one of them");
  }
  data::check_at_least("batch-size", batch_size, 1);
}

/// A model that answers, and what it sees.
struct Model {
  vqa::Bundle bundle;
  std::unique_ptr<const data::GridStore> store;  // null where it sees pictures, or nothing

  bool wants_pictures() const { return store == nullptr && !bundle.model->blind(); }
};

std::optional<Model> open_model(const EvalOptions& options) {
  if (options.model.empty()) return std::nullopt;
  const torch::Device device = prepare(options.runtime);
  vqa::keep_freed_memory();  // each batch makes tensors of the same sizes
  Model model{vqa::Bundle::load_for_inference(options.model, {.device = device}), options.features.open()};
  model.store ? vqa::require_same_grids(model.bundle, *model.store, options.features.force)
              : model.bundle.give_sight(options.weights, {.device = device});
  return model;
}

std::vector<data::Result> predict(Model& model, const EvalOptions& options, const data::Split& split) {
  vqa::Bundle& bundle = model.bundle;
  const vqa::BatchMaker maker(split, *bundle.tokenizer, vqa::image_source(split, *bundle.model, model.store.get()));
  ProgressBar bar("answering");
  vqa::EvaluatorOptions evaluation{.batch_size = options.batch_size, .loader = loader_options(options.runtime)};
  evaluation.on_progress = [&](int64_t done, int64_t total) { bar.update(done, total); };
  evaluation.stop = &catch_interrupts();
  std::vector<data::Result> results = vqa::Evaluator(evaluation).predict(bundle.model, maker, bundle.answers);
  if (results.empty()) throw std::runtime_error("stopped before all questions were answered; nothing was written");
  return results;
}

std::string split_help() { return data::listed(data::names_of(data::known_splits())) + ", or several joined by +"; }

void print_priors(const data::Split& train, const data::Split& split, const data::VqaAccuracy& accuracy) {
  std::cout << "without the picture, answers most frequent in training by\n" << std::fixed << std::setprecision(2);
  const vqa::PriorGuesser guesser(train);
  for (const vqa::Prior prior : {vqa::Prior::kMajority, vqa::Prior::kQuestionType, vqa::Prior::kQuestion}) {
    std::cout << "  " << std::left << std::setw(20) << vqa::name(prior) << std::right << std::setw(8)
              << accuracy.score(guesser.guess(prior, split)).overall << "\n";
  }
}

/// Answers a split that there is nothing to score with.
void answer_only(Model* model, const EvalOptions& eval, const data::Split& split) {
  if (model == nullptr || eval.results.empty() || !eval.json.empty() || eval.prior) {
    throw UsageError("split " + split.name() +
                     " has questions with no annotations to score with; give --results, without --json and --prior");
  }
  data::write_results(eval.results, predict(*model, eval, split));
}

void answer_and_score(Model* model, const EvalOptions& eval, const data::Split& split, data::AccuracyRule rule) {
  const data::VqaAccuracy accuracy(split.annotations(), rule);
  std::optional<data::Split> train;  // opened before the work is done
  if (eval.prior) train = data::Split::open(eval.data, "train", {.images_required = false});
  if (model != nullptr) {
    const std::vector<data::Result> results = predict(*model, eval, split);
    if (!eval.results.empty()) data::write_results(eval.results, results);
    print_accuracy(accuracy.score(results), eval.json);
  }
  if (train) print_priors(*train, split, accuracy);
}

/// Before anything is written: neither output may be what is read.
void require_outputs_apart(const EvalOptions& eval) {
  std::vector<std::string> read = files_in(eval.model);
  read.insert(read.end(), {eval.features.file, eval.weights});
  for (const data::SplitLayout& split : data::parse_splits(eval.split)) {
    read.push_back(data::questions_path(eval.data, split).string());
    read.push_back(data::annotations_path(eval.data, split).string());
  }
  require_not_read("results", eval.results, read);
  require_not_read("json", eval.json, read);
}

void run(const EvalOptions& eval) {
  eval.check();
  require_outputs_apart(eval);
  const data::AccuracyRule rule = data::parse_accuracy_rule(eval.rule);
  std::optional<Model> model = open_model(eval);
  const data::Split split = data::Split::open(
      eval.data, eval.split, {.annotations_required = false, .images_required = model && model->wants_pictures()});
  for (const std::string& file : {eval.results, eval.json}) {
    if (!file.empty()) data::AtomicFile writable(file);  // else it would fail when all the work is done
  }
  Model* const answers = model ? &*model : nullptr;
  split.annotated() ? answer_and_score(answers, eval, split, rule) : answer_only(answers, eval, split);
}

}  // namespace

int eval(const std::vector<std::string>& arguments) {
  EvalOptions eval;
  po::options_description options("Options");
  options.add_options()("model", po::value(&eval.model), "the model's folder; may be left out with --prior")(
      "data", po::value(&eval.data)->required(), "folder in VQA-v2's layout")(
      "split", po::value(&eval.split)->default_value(eval.split), split_help().c_str())(
      "rule", po::value(&eval.rule)->default_value(eval.rule), "official or classic")(
      "results", po::value(&eval.results), "file for the answers, as EvalAI takes them")(
      "json", po::value(&eval.json), "file for the accuracies as JSON")(
      "prior", po::bool_switch(&eval.prior), "also score guessers that never see the picture")(
      "batch-size", po::value(&eval.batch_size)->default_value(eval.batch_size), "questions a batch");
  eval.features.add_to(options);
  options.add_options()("weights", po::value(&eval.weights), kSightWeightsHelp);
  add_runtime_options(options, eval.runtime);
  const Usage usage{
      "vqa eval --model BUNDLE --data DIR [OPTIONS]",
      "Answers every question of a split, prints the official VQA accuracy and writes the answers. A split\n"
      "without annotations (test) is answered only: give --results."};
  if (parse(usage, options, arguments)) run(eval);
  return 0;
}

}  // namespace tools
