// Results in the form that EvalAI's VQA challenge takes: `[{"question_id": int, "answer": str}, ...]`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace data {

struct Result {
  int64_t question_id = 0;
  std::string answer;
};

/// Reads results, plain or .gz. Throws std::runtime_error as read_records does, and for a question id that stands
/// twice.
std::vector<Result> read_results(const std::filesystem::path& path);

/// Writes results atomically, one a line. Throws std::runtime_error with the path, or with the id where an answer is
/// not UTF-8.
void write_results(const std::filesystem::path& path, const std::vector<Result>& results);

}  // namespace data
