// The learning rate over a run.
#pragma once

#include <string>
#include <vector>

#include "vqa/config.h"

namespace vqa {

/// How the learning rate goes, by name. `rate` gives it at `progress` epochs.
struct Schedule {
  std::string name;
  std::string help;
  double (*rate)(const TrainingConfig& config, double progress);
};

/// linear: rises from near 0 over warmup_epochs, stays at learning_rate, falls to 0 over the last decay_share of the
/// run. steps: openvqa's: 1/(w+1), 2/(w+1), ... of learning_rate in the first w = warmup_epochs epochs, times
/// decay_factor from the beginning of each of decay_epochs on.
const std::vector<Schedule>& schedules();

/// The learning rate at `progress` epochs (0 at the first step, 1.5 half-way through the second epoch).
double learning_rate_at(const TrainingConfig& config, double progress);

/// `decay_epochs` as numbers. Throws std::invalid_argument naming the setting where it is no list of whole numbers.
std::vector<int64_t> decay_epoch_list(const TrainingConfig& config);

}  // namespace vqa
