// Accuracy as people read it and as programs do.
#pragma once

#include <string>

#include "data/vqa_accuracy.h"

namespace tools {

/// Overall accuracy, per answer type and per question type, to stdout. With a non-empty
/// `json`, also the evaluator's own JSON into that file.
void print_accuracy(const data::AccuracyReport& report, const std::string& json);

}  // namespace tools
