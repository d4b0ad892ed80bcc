// What a training run says while it goes on.
#pragma once

#include <chrono>
#include <cstdint>

#include "tools/commands/progress_bar.h"
#include "vqa/trainer.h"

namespace tools {

/// Progress on a terminal, a line per epoch anywhere.
class TrainingReporter {
 public:
  /// Reports of the trainer that gets these options; must outlive it.
  void attach(vqa::TrainerOptions& options);
  void finish() { bar_.clear(); }

 private:
  void step(const vqa::TrainingProgress& progress);
  void epoch(const vqa::EpochReport& report);

  ProgressBar bar_{"training"};
  int64_t epoch_ = 0;
  int64_t first_ = 0;  // questions done when the epoch's clock started
  std::chrono::steady_clock::time_point epoch_start_;
};

}  // namespace tools
