#include "vqa/schedule.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <stdexcept>

#include "data/settings.h"

namespace vqa {

std::vector<int64_t> decay_epoch_list(const TrainingConfig& config) {
  std::vector<int64_t> epochs;
  std::istringstream parts(config.decay_epochs);
  for (std::string part; std::getline(parts, part, ',');) {
    int64_t epoch = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), epoch);
    if (error != std::errc() || end != part.data() + part.size() || epoch < 0) {
      throw std::invalid_argument("decay-epochs: '" + config.decay_epochs + "'; allowed are whole numbers with commas");
    }
    epochs.push_back(epoch);
  }
  return epochs;
}

namespace {

constexpr double kHeadStart = 0.01;  // epochs by which the warm-up is ahead, so that the first step learns something

double linear_rate(const TrainingConfig& config, double progress) {
  const double total = static_cast<double>(config.epochs);
  const double decay = config.decay_share * total;
  double share = 1;
  if (config.warmup_epochs > 0) share = std::min(share, (progress + kHeadStart) / config.warmup_epochs);
  if (decay > 0) share = std::min(share, (total - progress) / decay);
  return config.learning_rate * std::clamp(share, 0.0, 1.0);
}

double stepped_rate(const TrainingConfig& config, double progress) {
  const double epoch = std::floor(progress);
  if (epoch < config.warmup_epochs) return config.learning_rate * (epoch + 1) / (config.warmup_epochs + 1);
  double rate = config.learning_rate;
  for (const int64_t decay : decay_epoch_list(config)) {
    if (epoch >= static_cast<double>(decay)) rate *= config.decay_factor;
  }
  return rate;
}

}  // namespace

const std::vector<Schedule>& schedules() {
  static const std::vector<Schedule> all{
      {"linear", "warm-up and decay by step", linear_rate},
      {"steps", "openvqa's stairs by epoch", stepped_rate},
  };
  return all;
}

double learning_rate_at(const TrainingConfig& config, double progress) {
  return data::find_named("schedule", config.schedule, schedules()).rate(config, progress);
}

}  // namespace vqa
