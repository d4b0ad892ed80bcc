// VQA-v2's questions file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/json_records.h"

namespace data {

struct Question {
  int64_t question_id = 0;
  int64_t image_id = 0;
  std::string text;
};

/// Reads `{"questions": [{"question_id", "image_id", "question"}, ...]}`, plain or .gz, in the file's order; other keys
/// are passed over. Errors: see read_records.
std::vector<Question> read_questions(const std::filesystem::path& path, const ProblemSink& on_problem = {});

}  // namespace data
