// The shapes set: a small visual question answering set that the program draws itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "data/shapes_set.h"

namespace data {

struct ShapesReport {
  int64_t training_images = 0;
  int64_t training_questions = 0;
  int64_t validation_images = 0;
  int64_t validation_questions = 0;
  int64_t words = 0;    // distinct words in all questions
  int64_t answers = 0;  // distinct answers
};

/// Writes the set into the folder `dir` in VQA-v2's layout:
///   v2_OpenEnded_mscoco_{train2014,val2014}_questions.json, v2_mscoco_{train2014,val2014}_annotations.json,
///   {train2014,val2014}/COCO_{split}_%012d.png.
/// Equal options give equal bytes in every file on every machine. All is written into a temporary folder beside `dir`
/// and takes its place when complete: a `dir` that holds an earlier shapes set is replaced then, an empty one is
/// filled, one that holds anything else is refused. `progress` (may be empty) hears of each picture; an exception that
/// it throws ends the work, with nothing left behind.
/// Throws std::invalid_argument for options, std::runtime_error with the path for a folder that cannot be written.
ShapesReport write_shapes(const std::filesystem::path& dir, const ShapesOptions& options,
                          const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace data
