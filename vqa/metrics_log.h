// metrics.jsonl: what a run measured, a JSON object a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace vqa {

/// Appends lines to a file.
class MetricsLog {
 public:
  /// Keeps the first `bytes` bytes of what is there (a resumed run writes the rest again).
  /// Throws std::runtime_error with the path.
  MetricsLog(std::filesystem::path path, int64_t bytes);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  void write(const nlohmann::ordered_json& line);
  int64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t bytes_ = 0;
};

}  // namespace vqa
