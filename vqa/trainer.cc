#include "vqa/trainer.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/atomic_folder.h"
#include "data/exact_random.h"
#include "vqa/adam.h"
#include "vqa/evaluator.h"
#include "vqa/loss.h"
#include "vqa/metrics_log.h"
#include "vqa/question_model.h"
#include "vqa/schedule.h"
#include "vqa/training_state.h"

namespace vqa {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* kStateFile = "training.safetensors";

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

uint64_t mixed(int64_t seed, int64_t step) {
  return data::mixed_seed(static_cast<uint64_t>(seed), static_cast<uint64_t>(step));
}

/// Temporaries of a process that was killed while it saved.
void remove_leftovers(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (data::is_temporary(entry.path())) fs::remove_all(entry.path());
  }
}

}  // namespace

struct Trainer::Run {
  Bundle& bundle;
  const data::Split& train;
  TrainerOptions options;
  const TrainingConfig& recipe;
  BatchMaker train_maker;
  std::optional<BatchMaker> val_maker;
  std::optional<data::VqaAccuracy> val_accuracy;
  std::unique_ptr<const QuestionStore> question_store;
  const Loss& loss;
  Adam adam;
  TrainingState state;
  std::optional<MetricsLog> metrics;
  Clock::time_point started;  // of this part of the run
  double seconds_before = 0;  // of the parts before it
  Clock::time_point epoch_started;
  double epoch_seconds_before = 0;

  Run(Bundle& b, const data::Split& t, const data::Split* val, TrainerOptions o)
      : bundle(b),
        train(t),
        options(std::move(o)),
        recipe(b.config.training),
        train_maker(t, *b.tokenizer, b.answers, image_source(t, *b.model, options.features, recipe.augment)),
        loss(find_loss(b.config.model.loss)),
        adam(*b.model, recipe.adam, {.prefix = ModelImpl::kQuestionEncoder, .factor = recipe.question_lr_scale}) {
    train_maker.drop_words(recipe.augment_words);
    state.questions = static_cast<int64_t>(t.questions().size());
    state.data = t.fingerprint();
    if (val != nullptr) {
      val_maker.emplace(*val, *b.tokenizer, image_source(*val, *b.model, options.features));
      val_accuracy.emplace(val->annotations());
      state.data = 31 * state.data + val->fingerprint();
    }
  }

  bool stopped() const { return options.stop != nullptr && *options.stop; }
  TrainingOutcome run();
  bool encode_questions();
  bool run_epoch();
  void step(const Batch& batch, double progress);
  void log(double rate);
  bool finish_epoch();
  void save();
  std::optional<double> evaluate();
  void keep_best(EpochReport& report);
};

Trainer::Trainer(Bundle& bundle, const data::Split& train, const data::Split* val, TrainerOptions options)
    : run_(std::make_unique<Run>(bundle, train, val, std::move(options))) {
  bundle.config.training.validate();
  if (train.annotations().empty())
    throw std::runtime_error("split " + train.name() + " has no annotations to learn from");
}

Trainer::~Trainer() = default;

bool Trainer::resumable(const fs::path& folder) noexcept {
  std::error_code ignored;
  return fs::exists(last_folder(folder) / kStateFile, ignored);
}

void Trainer::resume() {
  const TrainingState begun = run_->state;
  const fs::path path = last_folder(run_->options.folder) / kStateFile;
  run_->state = TrainingState::load(path, run_->adam);
  if (run_->state.data != begun.data) {
    throw std::runtime_error(path.string() + ": was trained on other data (" + std::to_string(run_->state.questions) +
                             " questions) than these (" + std::to_string(begun.questions) +
                             "); resume with the same data");
  }
}

TrainingOutcome Trainer::run() { return run_->run(); }

TrainingOutcome Trainer::Run::run() {
  if (fs::exists(options.folder)) remove_leftovers(options.folder);
  if (!bundle.backbone_weights.empty()) {
    // Now, not at the first save: until then the file could change or go.
    fs::create_directories(options.folder);
    bundle.keep_backbone_in(options.folder);
  }
  metrics.emplace(options.folder / kMetricsFile, state.metrics_bytes);
  started = Clock::now();
  seconds_before = state.seconds;
  bool going = state.epoch == recipe.epochs || encode_questions();
  while (going && state.epoch < recipe.epochs) going = run_epoch() && finish_epoch();
  state.seconds = seconds_before + seconds_since(started);
  if (going) fs::remove(options.folder / kQuestionsFile);
  return {going, state.best_accuracy, state.best_epoch, state.seconds};
}

/// A frozen encoder says the same of a question every time. False where it was stopped.
bool Trainer::Run::encode_questions() {
  if (!bundle.config.model.freeze_question) return true;
  std::vector<std::span<const Tokens>> all{train_maker.tokens()};
  if (val_maker) all.push_back(val_maker->tokens());
  // From now on a killed run can be resumed, with its settings.
  if (!resumable(options.folder)) save();
  question_store = QuestionStore::open(
      frozen_question_encoder(bundle), all,
      {.path = options.folder / kQuestionsFile, .on_progress = options.on_question_features, .stop = options.stop});
  if (!question_store) return false;
  train_maker.take_question_features(question_store.get());
  if (val_maker) val_maker->take_question_features(question_store.get());
  return true;
}

/// The rest of the epoch under way. False where it was stopped (and saved).
bool Trainer::Run::run_epoch() {
  bundle.model->train();
  const std::vector<BatchPlan> plans =
      plan_batches(train, recipe.batch_size, static_cast<int64_t>(mixed(recipe.seed, state.epoch) >> 1));
  const auto count = static_cast<double>(plans.size());
  BatchLoader loader(train_maker, {plans.begin() + state.batch, plans.end()}, options.loader);
  epoch_started = Clock::now();
  epoch_seconds_before = state.epoch_seconds;
  while (!stopped()) {
    const std::optional<Batch> batch = loader.next();
    if (!batch) return true;
    step(batch->to(bundle.model->device()),
         static_cast<double>(state.epoch) + static_cast<double>(state.batch) / count);
    state.epoch_seconds = epoch_seconds_before + seconds_since(epoch_started);
    if (recipe.save_every > 0 && state.steps % recipe.save_every == 0) save();
  }
  save();
  return false;
}

void Trainer::Run::step(const Batch& batch, double progress) {
  // Dropout follows from the seed and the step alone, so that a resumed run needs no generator's state.
  torch::manual_seed(mixed(recipe.seed, state.steps));
  const auto questions = static_cast<int64_t>(batch.questions.size());
  const double rate = learning_rate_at(recipe, progress);
  adam.zero_grad();
  const torch::Tensor total = loss.of(bundle.model->forward(batch).logits, batch.targets);
  torch::Tensor objective = total / static_cast<double>(questions);
  if (recipe.kernel_penalty > 0) {
    const torch::Tensor penalty = bundle.model->penalty();
    if (penalty.defined()) objective = objective + recipe.kernel_penalty * penalty;
  }
  objective.backward();
  const double norm = adam.clip_gradients(recipe.gradient_clip).item<double>();
  const double sum = total.item<double>();
  // Before the step: weights that are no numbers must not be saved.
  if (!std::isfinite(sum) || !std::isfinite(norm)) {
    throw std::runtime_error("the loss or its gradient is not a number at step " + std::to_string(state.steps + 1) +
                             " of epoch " + std::to_string(state.epoch + 1) +
                             "; lower --learning-rate or set --gradient-clip");
  }
  adam.step(rate);
  ++state.steps;
  ++state.batch;
  state.epoch_loss += sum;
  state.log_loss += sum;
  state.epoch_questions += questions;
  state.log_questions += questions;
  if (options.on_step) {
    options.on_step({state.epoch + 1, recipe.epochs, state.epoch_questions, state.questions,
                     state.log_loss / static_cast<double>(state.log_questions), rate});
  }
  if (state.steps % recipe.log_every == 0) log(rate);
}

void Trainer::Run::log(double rate) {
  metrics->write({{"step", state.steps},
                  {"epoch", state.epoch + 1},
                  {"loss", state.log_loss / static_cast<double>(state.log_questions)},
                  {"learning_rate", rate}});
  state.log_loss = 0;
  state.log_questions = 0;
}

/// Evaluates, writes and saves. False where it was stopped meanwhile: the epoch's end is then done again.
bool Trainer::Run::finish_epoch() {
  EpochReport report{.epoch = state.epoch + 1, .epochs = recipe.epochs};
  report.loss = state.epoch_loss / static_cast<double>(std::max<int64_t>(1, state.epoch_questions));
  report.seconds = state.epoch_seconds;
  report.questions = state.epoch_questions;
  if (val_maker) {
    const std::optional<double> accuracy = evaluate();
    if (!accuracy) {
      save();
      return false;
    }
    report.accuracy = *accuracy;
  }
  bundle.record = {report.epoch, state.steps, report.accuracy};
  keep_best(report);
  ordered_json line{{"epoch", report.epoch}, {"step", state.steps}, {"epoch_loss", report.loss}};
  if (val_maker) line["accuracy"] = report.accuracy;
  metrics->write(line);
  ++state.epoch;
  state.batch = 0;
  state.epoch_loss = 0;
  state.epoch_questions = 0;
  state.epoch_seconds = 0;
  save();
  if (options.on_epoch) options.on_epoch(report);
  return true;
}

void Trainer::Run::keep_best(EpochReport& report) {
  report.best = !val_maker || report.accuracy > state.best_accuracy;
  if (!report.best) return;
  state.best_accuracy = report.accuracy;
  state.best_epoch = report.epoch;
  fs::create_directories(options.folder);
  bundle.write(options.folder);
}

std::optional<double> Trainer::Run::evaluate() {
  EvaluatorOptions evaluation{.batch_size = recipe.batch_size, .loader = options.loader};
  evaluation.on_progress = options.on_evaluation;
  evaluation.stop = options.stop;
  const auto results = Evaluator(evaluation).predict(bundle.model, *val_maker, bundle.answers);
  if (results.empty()) return std::nullopt;
  return val_accuracy->score(results).overall;
}

void Trainer::Run::save() {
  state.seconds = seconds_before + seconds_since(started);
  state.metrics_bytes = metrics->bytes();
  // Within an epoch nothing is known of these weights' accuracy.
  if (state.batch > 0) bundle.record = {state.epoch, state.steps, -1};
  data::AtomicFolder folder(last_folder(options.folder));
  bundle.write(folder.path());
  state.save(folder.path() / kStateFile, adam);
  folder.commit();
}

}  // namespace vqa
