// VQA-v2's annotations file: what ten people answered to each question.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/json_records.h"

namespace data {

struct Annotation {
  int64_t question_id = 0;
  int64_t image_id = 0;
  std::string question_type;           // how the question begins: "what color is the", "none of the above", ...
  std::string answer_type;             // "yes/no", "number" or "other"
  std::string multiple_choice_answer;  // the most frequent of the answers
  std::vector<std::string> answers;    // as given, one per person: ten in VQA-v2; at least one
};

/// Reads `{"annotations": [{"question_id", "image_id", "question_type", "answer_type", "multiple_choice_answer",
/// "answers": [{"answer"}, ...]}, ...]}`, plain or .gz, in the file's order; other keys are passed over.
/// Errors: see read_records; a question without any answer is one too.
std::vector<Annotation> read_annotations(const std::filesystem::path& path, const ProblemSink& on_problem = {});

}  // namespace data
