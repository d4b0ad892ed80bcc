// vqa train: a model from a data folder.
#include <iomanip>
#include <iostream>

#include "data/split.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/words_tokenizer.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/runtime.h"
#include "tools/commands/training_reporter.h"
#include "tools/commands/usage.h"
#include "vqa/image_source.h"
#include "vqa/memory.h"
#include "vqa/new_bundle.h"
#include "vqa/run_folder.h"
#include "vqa/trainer.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

struct TrainOptions {
  std::string data, out, preset, config_file, weights, model;
  std::string question_model, tokenizer_model, word_vectors;
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

/// The preset that is meant where none is named.
const char* default_preset(const TrainOptions& train, const po::variables_map& values) {
  vqa::Config asked;
  if (!train.config_file.empty()) vqa::read_config_file(train.config_file, asked);
  if (values.contains("no-image")) asked.model.no_image = values["no-image"].as<std::string>() == "true";
  return asked.model.no_image ? "language" : "shapes";
}

/// The flags given that change pictures at random (augment-words: questions).
std::vector<std::string> augment_flags(const po::variables_map& values) {
  std::vector<std::string> given;
  for (const auto& [name, value] : values)
    if (name.starts_with("augment-") && name != "augment-words") given.push_back(name);
  return given;
}

/// Flags that say something of pictures to a model that sees none.
void refuse_image_flags(const TrainOptions& train, const po::variables_map& values) {
  std::vector<std::string> given;
  for (const char* name : {"backbone", "freeze-backbone", "image-rule", "image-size", "grid-position"})
    if (values.contains(name)) given.push_back(name);
  if (!train.features.file.empty()) given.push_back("features");
  if (!train.weights.empty()) given.push_back("weights");
  for (const std::string& name : augment_flags(values)) given.push_back(name);
  if (!given.empty()) throw UsageError("no-image: the model sees no pictures; leave out --" + given.front());
}

/// Files for the question's side that contradict each other or the settings are refused before anything is read.
void check_question_sources(const TrainOptions& train, const po::variables_map& values, const vqa::ModelConfig& model) {
  for (const char* name : {"question-model", "tokenizer-model", "word-vectors"}) {
    if (values.contains(name) && values[name].as<std::string>().empty())
      throw UsageError(std::string(name) + ": names no file; give one or leave out --" + name);
  }
  const bool has_tokenizer = !train.question_model.empty() || !train.tokenizer_model.empty();
  if (has_tokenizer && values.contains("vocabulary-size"))
    throw UsageError("vocabulary-size: the given tokenizer has its own; leave out --vocabulary-size");
  if (model.freeze_question && values.contains("question-lr-scale"))
    throw UsageError("question-lr-scale: a frozen question encoder learns nothing; leave one of them out");
  if (model.freeze_question && values.contains("augment-words"))
    throw UsageError("augment-words: a frozen question encoder reads each question once; leave one of them out");
  if (!train.question_model.empty() && !train.tokenizer_model.empty())
    throw UsageError("tokenizer-model: --question-model has a tokenizer of its own; leave one of them out");
  if (!train.tokenizer_model.empty() && model.tokenizer != text::SentencePieceTokenizer::kKind)
    throw UsageError("tokenizer-model: for the tokenizer sentencepiece; give --tokenizer sentencepiece too");
  const bool has_words = train.question_model.empty() && model.tokenizer == text::WordsTokenizer::kKind &&
                         model.question_encoder == text::kLstm;
  if (!train.word_vectors.empty() && !has_words)
    throw UsageError("word-vectors: for the tokenizer words and the question encoder lstm; leave out --word-vectors");
}

/// `config`, or an explicit preset, then the configuration file, then the flags.
vqa::Config chosen_config(const TrainOptions& train, const po::variables_map& values, vqa::Config config) {
  if (values.contains("preset")) config = vqa::preset(train.preset);
  if (!train.config_file.empty()) vqa::read_config_file(train.config_file, config);
  for (vqa::Field& field : vqa::fields(config)) {
    if (values.contains(field.name)) field.parse(values[field.name].as<std::string>());
  }
  config.model.validate();
  config.training.validate();
  check_question_sources(train, values, config.model);
  if (config.training.augment_words > 0 && config.model.tokenizer != text::WordsTokenizer::kKind)
    throw UsageError("augment-words: for the tokenizer words, whose ids are words; give --augment-words 0");
  // A preset's; a model whose pictures did not change is not to say that they did.
  if (config.model.no_image || !train.features.file.empty()) config.training.augment = {};
  if (config.model.no_image) {
    refuse_image_flags(train, values);
  } else if (train.features.file.empty()) {
    vqa::require_one_size(vqa::transform_options(config.model));
  } else if (const std::vector<std::string> given = augment_flags(values); !given.empty()) {
    throw UsageError(given.front() + ": given grid features stay as they are; leave it out, or --features");
  }
  return config;
}

/// Throws for the first setting that is asked for otherwise than `source` has it.
void require_same(const std::vector<vqa::Field>& was, const std::vector<vqa::Field>& now, const std::string& source,
                  const std::string& advice) {
  for (size_t i = 0; i < was.size(); ++i) {
    if (was[i].text() != now[i].text())
      throw UsageError(was[i].name + ": " + source + was[i].text() + ", not " + now[i].text() + "; " + advice);
  }
}

/// A resumed run keeps its settings: a preset, file or flag that says otherwise is refused.
void require_same_settings(vqa::Config saved, vqa::Config asked, const fs::path& folder) {
  require_same(vqa::fields(saved), vqa::fields(asked), folder.string() + " was begun with ",
               "resume without other settings, or train anew without --resume");
}

/// Weights have the meaning that the model's settings give them: only the recipe may be another.
void require_same_network(vqa::ModelConfig has, vqa::ModelConfig asked, const std::string& model) {
  require_same(vqa::fields(has), vqa::fields(asked), model + " has ",
               "leave the setting out, or train a new model without --model");
}

/// What was asked for, and what of it was asked for by a flag or a file, not only by the preset.
struct Asked {
  vqa::Config config, preset;
  const po::variables_map& values;
};

/// With a store, or an ALBERT's folder, some settings are its own (`taken`): a flag or file that says otherwise is
/// refused.
void require_settings_of(const std::string& source, vqa::ModelConfig taken, Asked asked) {
  const std::vector<vqa::Field> theirs = vqa::fields(taken), ours = vqa::fields(asked.config.model),
                                preset = vqa::fields(asked.preset.model);
  for (size_t i = 0; i < theirs.size(); ++i) {
    const bool only_preset = ours[i].text() == preset[i].text() && !asked.values.contains(ours[i].name);
    if (only_preset || ours[i].text() == theirs[i].text()) continue;
    throw UsageError(ours[i].name + ": " + source + " was made with " + theirs[i].text() + ", not " + ours[i].text() +
                     "; leave the setting out");
  }
}

/// A resumed run sees what it saw.
void require_same_sight(const vqa::Bundle& bundle, const data::GridStore* store, bool force) {
  if (store != nullptr) return vqa::require_same_grids(bundle, *store, force);
  if (bundle.model->backbone() || bundle.model->blind()) return;
  throw UsageError("features: the run was begun on a store of grid features; name it by --features");
}

void announce(const vqa::Bundle& bundle, const data::Split& train, const data::Split* val) {
  std::cerr << "training on " << train.name() << ": " << train.questions().size() << " questions, "
            << train.images().size() << " images";
  if (val != nullptr) std::cerr << "; validation on " << val->name() << ": " << val->questions().size() << " questions";
  std::cerr << "\nmodel: "
            << (bundle.model->blind() ? "question alone" : vqa::attention_text(bundle.config.model) + " attention")
            << ", " << vqa::parameter_count(*bundle.model) << " parameters, " << bundle.answers.size() << " answers, "
            << bundle.tokenizer->vocabulary_size() << " tokens" << std::endl;
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

void open_splits(const std::string& dir, const vqa::Config& config, Run& run) {
  const vqa::TrainingConfig& recipe = config.training;
  const data::SplitOptions options{.images_required = run.store == nullptr && !config.model.no_image};
  run.train = data::Split::open(dir, recipe.split, options);
  if (!recipe.val_split.empty()) run.val = data::Split::open(dir, recipe.val_split, options);
}

/// The folder of --question-model; none where it is not given.
std::optional<text::AlbertFolder> read_question_model(const TrainOptions& train, const Asked& asked) {
  if (train.question_model.empty()) return std::nullopt;
  text::AlbertFolder albert = text::read_albert_folder(train.question_model);
  vqa::ModelConfig taken = asked.config.model;
  if (albert.options.positions < taken.max_tokens) {
    throw std::runtime_error(train.question_model + ": has positions for " + std::to_string(albert.options.positions) +
                             " tokens; give --max-tokens " + std::to_string(albert.options.positions));
  }
  vqa::take_settings(albert, taken);
  require_settings_of(train.question_model, taken, asked);
  taken.validate();
  return albert;
}

/// A model that was trained elsewhere learns how its features are made.
void take_sight(vqa::Bundle& bundle, const data::GridStore& store, bool force) {
  vqa::require_same_grids(bundle, store, force);
  if (!bundle.grids.backbone.empty()) return;
  bundle.grids = store.provenance();
  vqa::take_settings(bundle.grids, bundle.config.model);
}

/// A run that begins with the weights, words and answers of a model.
Run begin_with(const TrainOptions& train, vqa::Bundle bundle, const vqa::Config& config) {
  Run run{.store = train.features.open(), .bundle = std::move(bundle)};
  run.bundle->config.training = config.training;
  run.bundle->record = {};
  run.bundle->keeps_backbone = false;  // but takes a copy along
  if (run.store) take_sight(*run.bundle, *run.store, train.features.force);
  open_splits(train.data, run.bundle->config, run);
  return run;
}

Run begin_run(const TrainOptions& train, const po::variables_map& values, const vqa::Config& config) {
  Run run{.store = train.features.open()};
  const Asked asked{config, vqa::preset(train.preset), values};
  if (run.store) {
    vqa::ModelConfig taken = config.model;
    vqa::take_settings(run.store->provenance(), taken);
    require_settings_of(run.store->path().string(), taken, asked);
  }
  const std::optional<text::AlbertFolder> albert = read_question_model(train, asked);
  if (config.model.freeze_question && !albert)
    throw UsageError("freeze-question: the question encoder knows nothing yet; give what it knows by --question-model");
  open_splits(train.data, config, run);
  run.bundle = vqa::new_bundle(config, *run.train, {.store = run.store.get(), .weights = train.weights},
                               {.albert = albert ? &*albert : nullptr, .tokenizer = train.tokenizer_model});
  if (!train.word_vectors.empty()) {
    const std::string found = vqa::load_word_vectors(train.word_vectors, *run.bundle);
    std::cerr << train.word_vectors << ": has " << found << std::endl;
  }
  return run;
}

Run resume_run(const TrainOptions& train, const po::variables_map& values, const fs::path& folder) {
  Run run{
      .store = train.features.open(), .bundle = vqa::Bundle::load(vqa::Trainer::last_folder(folder)), .resumes = true};
  require_same_sight(*run.bundle, run.store.get(), train.features.force);
  require_same_settings(run.bundle->config, chosen_config(train, values, run.bundle->config), folder);
  open_splits(train.data, run.bundle->config, run);
  return run;
}

/// Trains to the end, or until it is interrupted.
int carry_out(const TrainOptions& train, Run run, const vqa::RunFolder& folder, torch::Device device) {
  vqa::keep_freed_memory();  // each step makes tensors of the same sizes
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

/// Refuses files that a new model's parts are made from, where there are such parts already.
void require_no_sources(const TrainOptions& train, const std::string& who) {
  for (const auto& [flag, file] : {std::pair{"weights", train.weights},
                                   {"question-model", train.question_model},
                                   {"tokenizer-model", train.tokenizer_model},
                                   {"word-vectors", train.word_vectors}}) {
    if (!file.empty())
      throw UsageError(std::string(flag) + ": " + who + " has what it was begun with; leave out --" + flag);
  }
}

/// The model that a run begins with; none where it makes one.
std::optional<vqa::Bundle> first_model(const TrainOptions& train, const po::variables_map& values) {
  if (train.model.empty()) return std::nullopt;
  require_no_sources(train, "the model");
  if (values.contains("preset")) throw UsageError("preset: the model has its own settings; leave out --preset");
  vqa::Bundle model = vqa::Bundle::load(train.model);
  if (train.features.file.empty() && !model.model->backbone() && !model.model->blind())
    throw UsageError("features: " + train.model + " takes grid features; name a store of them by --features");
  return model;
}

/// What a run that begins is to be. First of all: wrong settings are told before anything is looked at.
struct Beginning {
  std::optional<vqa::Bundle> model;
  vqa::Config config;

  Beginning(const TrainOptions& train, const po::variables_map& values)
      : model(first_model(train, values)),
        config(chosen_config(train, values, model ? model->config : vqa::preset(train.preset))) {
    if (model) require_same_network(model->config.model, config.model, train.model);
  }
  Run run(const TrainOptions& train, const po::variables_map& values) {
    return model ? begin_with(train, *std::move(model), config) : begin_run(train, values, config);
  }
};

int begin(const TrainOptions& train, const po::variables_map& values) {
  Beginning beginning(train, values);
  const torch::Device device = prepare(train.runtime);
  const vqa::RunFolder folder = vqa::RunFolder::begin(train.out);
  return carry_out(train, beginning.run(train, values), folder, device);
}

int resume(const TrainOptions& train, const po::variables_map& values) {
  const torch::Device device = prepare(train.runtime);
  const vqa::RunFolder folder = vqa::RunFolder::resume(train.out);
  if (vqa::Trainer::resumable(folder.path())) {
    require_no_sources(train, "a run that goes on");
    if (!train.model.empty()) throw UsageError("model: a run that goes on has one; leave out --model");
    return carry_out(train, resume_run(train, values, folder.path()), folder, device);
  }
  std::cerr << train.out << ": nothing to resume; starting from the beginning" << std::endl;
  return carry_out(train, Beginning(train, values).run(train, values), folder, device);
}

}  // namespace

int train(const std::vector<std::string>& arguments) {
  TrainOptions train;
  po::options_description general("Options"), model("Model (values shown are those of the preset shapes)"),
      recipe("Recipe"), options;
  general.add_options()("data", po::value(&train.data)->required(), "folder in VQA-v2's layout")(
      "out", po::value(&train.out)->required(), "folder of the model to make")(
      "preset", po::value(&train.preset), (preset_help() + "; by default shapes, with --no-image language").c_str())(
      "config", po::value(&train.config_file), "file of settings, 'name = value' lines or JSON")(
      "resume", po::bool_switch(&train.resume), "go on with the run in --out")(
      "model", po::value(&train.model),
      "folder of a model to begin with: its weights, words, answers and settings; only the recipe may be another")(
      "weights", po::value(&train.weights),
      "file of the backbone's weights, .safetensors, .pth or TorchScript: where training begins, or with --features "
      "what made them, kept in the model to see pictures by")(
      "question-model", po::value(&train.question_model),
      "folder of an ALBERT from Hugging Face (config.json, weights, spiece.model) to read questions with")(
      "tokenizer-model", po::value(&train.tokenizer_model),
      "sentencepiece: a model's file or folder, as vqa data tokenizer makes one; else one is trained")(
      "word-vectors", po::value(&train.word_vectors), "GloVe's text file: what the words of an LSTM begin with");
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
  if (values->contains("model") && train.model.empty()) throw UsageError("model: names no folder; leave out --model");
  if (train.preset.empty()) train.preset = default_preset(train, *values);
  return train.resume ? resume(train, *values) : begin(train, *values);
}

}  // namespace tools
