// vqa train: a model from a data folder.
#include <iomanip>
#include <iostream>
#include <sstream>

#include "data/split.h"
#include "text/clean.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/runtime.h"
#include "tools/commands/usage.h"
#include "vqa/batch_maker.h"
#include "vqa/run_folder.h"
#include "vqa/trainer.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

struct TrainOptions {
  std::string data, out, preset = "shapes", config_file;
  bool resume = false;
  RuntimeOptions runtime;
};

void add_fields(po::options_description& description, std::vector<vqa::Field> fields) {
  for (const vqa::Field& field : fields) {
    auto* value = po::value<std::string>()->value_name(field.text().empty() ? "''" : field.text());
    // A flag without a value switches on.
    if (std::holds_alternative<bool*>(field.value)) value->implicit_value("true");
    description.add_options()(field.name.c_str(), value, field.help.c_str());
  }
}

std::string preset_help() {
  std::string text;
  for (const vqa::Preset& preset : vqa::presets()) text += preset.name + ": " + preset.help + "; ";
  return text.substr(0, text.size() - 2);
}

/// `config`, or an explicit preset, then the configuration file, then the flags.
vqa::Config chosen_config(const TrainOptions& train, const po::variables_map& values, vqa::Config config) {
  if (!values["preset"].defaulted()) config = vqa::preset(train.preset);
  if (!train.config_file.empty()) vqa::read_config_file(train.config_file, config);
  for (vqa::Field& field : vqa::fields(config)) {
    if (values.contains(field.name)) field.parse(values[field.name].as<std::string>());
  }
  config.model.validate();
  config.training.validate();
  vqa::require_one_size(vqa::transform_options(config.model));
  return config;
}

/// A resumed run keeps its settings: a preset, file or flag that says otherwise is refused.
void require_same_settings(vqa::Config saved, vqa::Config asked, const fs::path& folder) {
  const std::vector<vqa::Field> was = vqa::fields(saved), now = vqa::fields(asked);
  for (size_t i = 0; i < was.size(); ++i) {
    if (was[i].text() != now[i].text()) {
      throw UsageError(was[i].name + ": " + folder.string() + " was begun with " + was[i].text() + ", not " +
                       now[i].text() + "; resume without other settings, or train anew without --resume");
    }
  }
}

vqa::Bundle new_bundle(const vqa::Config& config, const data::Split& train) {
  std::vector<std::string> questions;
  for (const data::Question& question : train.questions()) {
    try {
      text::check_question(question.text);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("question " + std::to_string(question.question_id) + ": " + error.what());
    }
    questions.push_back(question.text);
  }
  const vqa::ModelConfig& model = config.model;
  return vqa::make_bundle(config, data::AnswerVocabulary::build(train.annotations(), model.min_answer_count),
                          text::build_tokenizer(questions, {.kind = model.tokenizer,
                                                            .max_tokens = model.max_tokens,
                                                            .vocabulary_size = model.vocabulary_size}));
}

/// Progress on a terminal, a line per epoch anywhere.
class Reporter {
 public:
  void attach(vqa::TrainerOptions& options) {
    options.on_step = [this](const vqa::TrainingProgress& p) { step(p); };
    options.on_evaluation = [this](int64_t done, int64_t total) {
      bar_.set_title("evaluating");
      bar_.update(done, total);
    };
    options.on_epoch = [this](const vqa::EpochReport& report) { epoch(report); };
  }
  void finish() { bar_.clear(); }

 private:
  void step(const vqa::TrainingProgress& p) {
    const auto now = std::chrono::steady_clock::now();
    if (p.epoch != epoch_) {
      epoch_ = p.epoch;
      epoch_start_ = now;
      first_ = p.questions_done;
    }
    std::ostringstream note;
    const double seconds = std::chrono::duration<double>(now - epoch_start_).count();
    note << std::fixed << std::setprecision(3) << "loss " << p.loss;
    if (seconds > 0.2 && p.questions_done > first_) {
      const double rate = static_cast<double>(p.questions_done - first_) / seconds;
      const int64_t left = p.questions_total - p.questions_done + (p.epochs - p.epoch) * p.questions_total;
      note << std::setprecision(0) << "  " << rate << " questions/s  "
           << duration_text(static_cast<double>(left) / rate) << " left";
    }
    bar_.set_title("epoch " + std::to_string(p.epoch) + "/" + std::to_string(p.epochs));
    bar_.update(p.questions_done, p.questions_total, note.str());
  }

  void epoch(const vqa::EpochReport& report) {
    bar_.clear();
    std::ostringstream line;
    line << "epoch " << report.epoch << "/" << report.epochs << std::fixed << std::setprecision(4) << "  loss "
         << report.loss;
    if (report.accuracy >= 0) line << std::setprecision(2) << "  accuracy " << report.accuracy << " %";
    line << "  " << duration_text(report.seconds) << (report.best && report.accuracy >= 0 ? "  best so far" : "");
    std::cerr << line.str() << std::endl;
  }

  ProgressBar bar_{"training"};
  int64_t epoch_ = 0;
  int64_t first_ = 0;  // questions done when the epoch's clock started
  std::chrono::steady_clock::time_point epoch_start_;
};

void announce(const vqa::Bundle& bundle, const data::Split& train, const data::Split* val) {
  std::cerr << "training on " << train.name() << ": " << train.questions().size() << " questions, "
            << train.images().size() << " images";
  if (val != nullptr) std::cerr << "; validation on " << val->name() << ": " << val->questions().size() << " questions";
  std::cerr << "\nmodel: " << bundle.config.model.attention << " attention, " << vqa::parameter_count(*bundle.model)
            << " parameters, " << bundle.answers.size() << " answers, " << bundle.tokenizer->vocabulary_size()
            << " tokens" << std::endl;
}

int report_outcome(const TrainOptions& train, const vqa::TrainingOutcome& outcome) {
  if (!outcome.finished) {
    std::cerr << "vqa: stopped and saved; go on with: vqa train --resume --data " << quoted(train.data) << " --out "
              << quoted(train.out) << to_flags(train.runtime) << std::endl;
    return 1;
  }
  std::cout << train.out << ": trained in " << duration_text(outcome.seconds);
  if (outcome.best_accuracy >= 0) {
    std::cout << ", best accuracy " << std::fixed << std::setprecision(2) << outcome.best_accuracy << " % at epoch "
              << outcome.best_epoch;
  }
  std::cout << "\n";
  return 0;
}

int run(const TrainOptions& train, const po::variables_map& values) {
  const vqa::Config config = chosen_config(train, values, vqa::preset(train.preset));
  const torch::Device device = prepare(train.runtime);
  const vqa::RunFolder folder = train.resume ? vqa::RunFolder::resume(train.out) : vqa::RunFolder::begin(train.out);
  const bool resumes = train.resume && vqa::Trainer::resumable(folder.path());
  if (train.resume && !resumes)
    std::cerr << train.out << ": nothing to resume; starting from the beginning" << std::endl;

  std::optional<vqa::Bundle> bundle;
  if (resumes) {
    bundle = vqa::Bundle::load(vqa::Trainer::last_folder(folder.path()));
    require_same_settings(bundle->config, chosen_config(train, values, bundle->config), folder.path());
  }
  const vqa::TrainingConfig& recipe = resumes ? bundle->config.training : config.training;
  const data::Split train_split = data::Split::open(train.data, recipe.split);
  std::optional<data::Split> val_split;
  if (!recipe.val_split.empty()) val_split = data::Split::open(train.data, recipe.val_split);
  const data::Split* val = val_split ? &*val_split : nullptr;
  if (!bundle) bundle = new_bundle(config, train_split);
  bundle->model->to(device);
  announce(*bundle, train_split, val);

  vqa::TrainerOptions options{.folder = folder.path(), .loader = loader_options(train.runtime)};
  options.stop = &catch_interrupts();
  Reporter reporter;
  reporter.attach(options);
  vqa::Trainer trainer(*bundle, train_split, val, options);
  if (resumes) trainer.resume();
  const vqa::TrainingOutcome outcome = trainer.run();
  reporter.finish();
  if (outcome.finished) folder.finish();
  return report_outcome(train, outcome);
}

}  // namespace

int train(const std::vector<std::string>& arguments) {
  TrainOptions train;
  po::options_description general("Options"), model("Model (values shown are those of the preset shapes)"),
      recipe("Recipe"), options;
  general.add_options()("data", po::value(&train.data)->required(), "folder in VQA-v2's layout")(
      "out", po::value(&train.out)->required(), "folder of the model to make")(
      "preset", po::value(&train.preset)->default_value(train.preset), preset_help().c_str())(
      "config", po::value(&train.config_file), "file of settings, 'name = value' lines or JSON")(
      "resume", po::bool_switch(&train.resume), "go on with the run in --out");
  add_runtime_options(general, train.runtime);
  vqa::Config defaults;
  add_fields(model, vqa::fields(defaults.model));
  add_fields(recipe, vqa::fields(defaults.training));
  options.add(general).add(model).add(recipe);
  const Usage usage{
      "vqa train --data DIR --out BUNDLE [OPTIONS]",
      "Trains a model and keeps the best one found. Settings come from the preset, then --config, then flags.\n"
      "Ctrl-C saves the run; --resume goes on with it, to the same result."};
  const auto values = parse(usage, options, arguments);
  return values ? run(train, *values) : 0;
}

}  // namespace tools
