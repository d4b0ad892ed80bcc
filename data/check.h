// What a data folder in VQA-v2's layout holds, and what is wrong with it: `vqa data check`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/answer_vocabulary.h"

namespace data {

struct SplitReport {
  std::string name;  // long: "train2014"
  bool has_annotations_file = false;
  int64_t questions = 0;
  int64_t annotations = 0;
  int64_t answers = 0;         // of all annotations together
  int64_t images = 0;          // distinct ones that questions name
  int64_t images_present = 0;  // of those, how many have a file
};

struct DataReport {
  std::filesystem::path dir;
  std::vector<SplitReport> splits;  // those with a file of questions or annotations
  int64_t min_answer_count = 0;
  int64_t kept_answers = 0;                        // answers of the training split that occur so often
  double covered_questions = 0;                    // share of its annotated questions whose answer is kept: 0 to 1
  std::vector<std::filesystem::path> image_files;  // those present, each once, in the order of their names
  std::vector<std::string> problems;  // one line each; further ones of the same kind are counted in one line
  bool ok = false;                    // no problems
};

/// Reads all files of a data folder and reports all problems rather than the first. Holds one split in memory at a
/// time. Throws std::runtime_error where `dir` is no folder and std::invalid_argument where min_answer_count is
/// below 1.
DataReport check_data(const std::filesystem::path& dir, int64_t min_answer_count = kMinAnswerCount);

/// The report as lines of text.
std::string to_text(const DataReport& report);

}  // namespace data
