// metrics.jsonl: what a run measured, a JSON object a line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace vqa {

/// Appends lines to a file.
class MetricsLog {
 public:
  /// Keeps the first `bytes` bytes of what is there (a resumed run writes the rest again). The file, and its folder,
  /// are made by the first line: a run that fails before it leaves nothing.
  MetricsLog(std::filesystem::path path, int64_t bytes) : path_(std::move(path)), bytes_(bytes) {}
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  /// Throws std::runtime_error with the path.
  void write(const nlohmann::ordered_json& line);
  int64_t bytes() const { return bytes_; }

 private:
  void open();

  std::filesystem::path path_;
  int descriptor_ = -1;
  int64_t bytes_ = 0;
};

}  // namespace vqa
