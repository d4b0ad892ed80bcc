#include "tools/commands/training_reporter.h"

#include <iomanip>
#include <iostream>
#include <sstream>

namespace tools {

void TrainingReporter::attach(vqa::TrainerOptions& options) {
  options.on_step = [this](const vqa::TrainingProgress& progress) { step(progress); };
  options.on_evaluation = [this](int64_t done, int64_t total) {
    bar_.set_title("evaluating");
    bar_.update(done, total);
  };
  options.on_question_features = [this](int64_t done, int64_t total) {
    bar_.set_title("encoding questions");
    bar_.update(done, total);
  };
  options.on_epoch = [this](const vqa::EpochReport& report) { epoch(report); };
}

void TrainingReporter::step(const vqa::TrainingProgress& p) {
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
    note << std::setprecision(0) << "  " << rate << " questions/s  " << duration_text(static_cast<double>(left) / rate)
         << " left";
  }
  bar_.set_title("epoch " + std::to_string(p.epoch) + "/" + std::to_string(p.epochs));
  bar_.update(p.questions_done, p.questions_total, note.str());
}

void TrainingReporter::epoch(const vqa::EpochReport& report) {
  bar_.clear();
  std::ostringstream line;
  line << "epoch " << report.epoch << "/" << report.epochs << std::fixed << std::setprecision(4) << "  loss "
       << report.loss;
  if (report.accuracy >= 0) line << std::setprecision(2) << "  accuracy " << report.accuracy << " %";
  line << "  " << duration_text(report.seconds);
  if (report.seconds > 0)
    line << std::setprecision(0) << " at " << static_cast<double>(report.questions) / report.seconds << " questions/s";
  line << (report.best && report.accuracy >= 0 ? "  best so far" : "");
  std::cerr << line.str() << std::endl;
}

}  // namespace tools
