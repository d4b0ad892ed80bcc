// What a run needs to go on from, besides the weights.
#pragma once

#include <cstdint>
#include <filesystem>

#include "vqa/adam.h"

namespace vqa {

/// The position in a run and its tallies.
struct TrainingState {
  int64_t epoch = 0;      // from 0: the one under way
  int64_t batch = 0;      // batches of it already done
  int64_t steps = 0;      // of the whole run
  double epoch_loss = 0;  // summed over the epoch's questions so far
  int64_t epoch_questions = 0;
  double log_loss = 0;  // the same since the last logged line
  int64_t log_questions = 0;
  double best_accuracy = -1;
  int64_t best_epoch = 0;  // from 1
  double seconds = 0;      // of the whole run
  double epoch_seconds = 0;
  int64_t metrics_bytes = 0;  // length of metrics.jsonl: what came after is written again
  int64_t questions = 0;      // of the training split
  uint64_t data = 0;          // fingerprint of the training and validation splits, to notice other data

  /// Writes the state and the optimizer's moments. Atomic.
  void save(const std::filesystem::path& path, const Adam& adam) const;

  /// The inverse. Throws std::runtime_error with the path where the file is damaged or of another model.
  static TrainingState load(const std::filesystem::path& path, Adam& adam);
};

}  // namespace vqa
