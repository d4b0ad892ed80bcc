// Training a model on a split, so that it can be stopped at any moment and go on as if it had not been.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>

#include "data/split.h"
#include "data/vqa_accuracy.h"
#include "vqa/batch_loader.h"
#include "vqa/bundle.h"

namespace vqa {

/// Where a run stands after a step.
struct TrainingProgress {
  int64_t epoch = 0;            // from 1
  int64_t epochs = 0;           // of the whole run
  int64_t questions_done = 0;   // in this epoch
  int64_t questions_total = 0;  //
  double loss = 0;              // per question, mean since the last line of metrics.jsonl
  double learning_rate = 0;
};

/// What an evaluation after an epoch found.
struct EpochReport {
  int64_t epoch = 0;      // from 1
  int64_t epochs = 0;     // of the whole run
  double loss = 0;        // per training question, mean over the epoch
  double accuracy = -1;   // on the validation split, percent; negative without one
  bool best = false;      // the best so far
  double seconds = 0;     // the epoch's training, without evaluation
  int64_t questions = 0;  // it was trained on in that time
};

struct TrainerOptions {
  std::filesystem::path folder;               // the run's folder; see Trainer
  const data::GridStore* features = nullptr;  // read in place of the picture files; null for these
  LoaderOptions loader;
  std::function<void(const TrainingProgress&)> on_step = {};
  std::function<void(const EpochReport&)> on_epoch = {};
  std::function<void(int64_t done, int64_t total)> on_evaluation = {};         // questions of the validation split
  std::function<void(int64_t done, int64_t total)> on_question_features = {};  // different questions, encoded once
  const std::atomic<bool>* stop = nullptr;  // becomes true where the run is to save and end
};

struct TrainingOutcome {
  bool finished = false;      // false where it was stopped
  double best_accuracy = -1;  // percent; negative without a validation split
  int64_t best_epoch = 0;     // from 1; 0 before the first epoch's end
  double seconds = 0;         // spent training, evaluation included, over all parts of a resumed run
};

/// Trains a bundle's model with Adam. The run's folder is the bundle with the best weights so far (the last ones where
/// there is no validation split), plus
///   last/            the bundle as it was when last saved, with `training.safetensors`, the state to go on from
///   metrics.jsonl    a line per logging step and per epoch
///   questions.h5     with a frozen question encoder that is computed once, until the run is finished: its features of
///                    every different question (vqa/question_store.h)
///
/// Everything random follows from the seed, the epoch and the step, and last/ is replaced whole, so a run that was
/// killed at any moment and resumed ends in the same weights as one that was not (on a CPU, same number of threads).
class Trainer {
 public:
  /// `bundle`'s model is trained where it is; `train` and `val` (null for none) must outlive this. Throws
  /// std::runtime_error where `train` has no annotations, and what BatchMaker throws.
  Trainer(Bundle& bundle, const data::Split& train, const data::Split* val, TrainerOptions options);
  ~Trainer();

  /// Goes on from the folder's last/ instead of the beginning. Throws std::runtime_error where the state is not of this
  /// model and these data.
  void resume();

  /// Throws std::runtime_error for files and for a loss that is no number.
  TrainingOutcome run();

  static constexpr const char* kMetricsFile = "metrics.jsonl";  // in the run's folder
  static constexpr const char* kQuestionsFile = "questions.h5";

  /// Whether `folder` holds a state to go on from.
  static bool resumable(const std::filesystem::path& folder) noexcept;
  static std::filesystem::path last_folder(const std::filesystem::path& folder) { return folder / "last"; }

 private:
  struct Run;
  std::unique_ptr<Run> run_;
};

}  // namespace vqa
