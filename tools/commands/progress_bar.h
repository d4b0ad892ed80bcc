// A progress bar on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tools {

/// One line that is drawn over itself while long work goes on. Draws nothing where stderr is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Draws at most ten times a second, and at the end. `note` stands behind the bar.
  void update(int64_t done, int64_t total, const std::string& note = "");

  /// Takes the bar off the screen, before other lines are printed.
  void clear();

  bool on_terminal() const { return terminal_; }
  void set_title(std::string title) { title_ = std::move(title); }

 private:
  std::string title_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_{};
};

/// "1 h 02 min", "3 min 07 s" or "12 s".
std::string duration_text(double seconds);

}  // namespace tools
