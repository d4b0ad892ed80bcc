// vqa train: a model from a data folder.
#include <iomanip>
#include <iostream>

#include "data/split.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/runtime.h"
#include "tools/commands/training_reporter.h"
#include "tools/commands/usage.h"
#include "vqa/image_source.h"
#include "vqa/new_bundle.h"
#include "vqa/run_folder.h"
#include "vqa/trainer.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

struct TrainOptions {
  std::string data, out, preset = "shapes", config_file, weights;
  FeatureFlags features;
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
  if (train.features.file.empty()) vqa::require_one_size(vqa::transform_options(config.model));
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

/// With a store the backbone and the images' rule and size are its own: a flag or file that says otherwise is refused.
void require_settings_of(const data::GridStore& store, const po::variables_map& values, const vqa::Config& chosen,
                         const vqa::Config& preset) {
  const data::GridProvenance& grids = store.provenance();
  const auto require = [&](const char* name, const std::string& value, std::string vqa::ModelConfig::*field) {
    const std::string& asked = chosen.model.*field;
    if (asked == value || (asked == preset.model.*field && !values.contains(name))) return;
    throw UsageError(std::string(name) + ": " + store.path().string() + " was made with " + value + ", not " + asked +
                     "; leave the setting out, or extract other features");
  };
  require("backbone", grids.backbone, &vqa::ModelConfig::backbone);
  require("image-rule", grids.image_rule, &vqa::ModelConfig::image_rule);
  require("image-size", grids.image_size, &vqa::ModelConfig::image_size);
}

/// A resumed run sees what it saw.
void require_same_sight(const vqa::Bundle& bundle, const data::GridStore* store, bool force) {
  if (store != nullptr) return vqa::require_same_grids(bundle, *store, force);
  if (bundle.model->backbone()) return;
  throw UsageError("features: the run was begun on a store of grid features; name it by --features");
}

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
    std::string features = train.features.file.empty() ? "" : " --features " + quoted(train.features.file);
    if (train.features.force) features += " --force";
    std::cerr << "vqa: stopped and saved; go on with: vqa train --resume --data " << quoted(train.data) << " --out "
              << quoted(train.out) << features << to_flags(train.runtime) << std::endl;
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

/// What a run trains with and on.
struct Run {
  std::unique_ptr<const data::GridStore> store;
  std::optional<vqa::Bundle> bundle;
  std::optional<data::Split> train, val;
  bool resumes = false;

  const data::Split* validation() const { return val ? &*val : nullptr; }
};

void open_splits(const std::string& dir, const vqa::TrainingConfig& recipe, Run& run) {
  const data::SplitOptions options{.images_required = run.store == nullptr};
  run.train = data::Split::open(dir, recipe.split, options);
  if (!recipe.val_split.empty()) run.val = data::Split::open(dir, recipe.val_split, options);
}

Run begin_run(const TrainOptions& train, const po::variables_map& values, const vqa::Config& config) {
  Run run{.store = train.features.open()};
  if (run.store) require_settings_of(*run.store, values, config, vqa::preset(train.preset));
  open_splits(train.data, config.training, run);
  run.bundle = vqa::new_bundle(config, *run.train, {.store = run.store.get(), .weights = train.weights});
  return run;
}

Run resume_run(const TrainOptions& train, const po::variables_map& values, const fs::path& folder) {
  Run run{
      .store = train.features.open(), .bundle = vqa::Bundle::load(vqa::Trainer::last_folder(folder)), .resumes = true};
  require_same_sight(*run.bundle, run.store.get(), train.features.force);
  require_same_settings(run.bundle->config, chosen_config(train, values, run.bundle->config), folder);
  open_splits(train.data, run.bundle->config.training, run);
  return run;
}

/// Trains to the end, or until it is interrupted.
int carry_out(const TrainOptions& train, Run run, const vqa::RunFolder& folder, torch::Device device) {
  run.bundle->model->to(device);
  announce(*run.bundle, *run.train, run.validation());

  vqa::TrainerOptions options{
      .folder = folder.path(), .features = run.store.get(), .loader = loader_options(train.runtime)};
  options.stop = &catch_interrupts();
  TrainingReporter reporter;
  reporter.attach(options);
  vqa::Trainer trainer(*run.bundle, *run.train, run.validation(), options);
  if (run.resumes) trainer.resume();
  const vqa::TrainingOutcome outcome = trainer.run();
  reporter.finish();
  if (outcome.finished) folder.finish();
  return report_outcome(train, outcome);
}

int begin(const TrainOptions& train, const po::variables_map& values) {
  // First: wrong settings are told before anything is looked at.
  const vqa::Config config = chosen_config(train, values, vqa::preset(train.preset));
  const torch::Device device = prepare(train.runtime);
  const vqa::RunFolder folder = vqa::RunFolder::begin(train.out);
  return carry_out(train, begin_run(train, values, config), folder, device);
}

int resume(const TrainOptions& train, const po::variables_map& values) {
  const torch::Device device = prepare(train.runtime);
  const vqa::RunFolder folder = vqa::RunFolder::resume(train.out);
  if (vqa::Trainer::resumable(folder.path())) {
    return carry_out(train, resume_run(train, values, folder.path()), folder, device);
  }
  std::cerr << train.out << ": nothing to resume; starting from the beginning" << std::endl;
  const vqa::Config config = chosen_config(train, values, vqa::preset(train.preset));
  return carry_out(train, begin_run(train, values, config), folder, device);
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
      "resume", po::bool_switch(&train.resume), "go on with the run in --out")(
      "weights", po::value(&train.weights),
      "file of the backbone's weights, .safetensors, .pth or TorchScript: where training begins, or with --features "
      "what made them, kept in the model to see pictures by");
  train.features.add_to(general);
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
  if (!values) return 0;
  if (train.resume && !train.weights.empty())
    throw UsageError("weights: a run that goes on has those that it was begun with; leave out --weights");
  return train.resume ? resume(train, *values) : begin(train, *values);
}

}  // namespace tools
