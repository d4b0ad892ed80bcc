// Guessers that never see a picture: what a model's accuracy has to be compared with.
#pragma once

#include <string>
#include <vector>

#include "data/results.h"
#include "data/split.h"

namespace vqa {

/// What a guesser may look at. It gives the answer that was most frequent in training among questions that look alike.
enum class Prior {
  kMajority,      // nothing: one answer for everything
  kQuestionType,  // the annotations' question type
  kQuestion       // the question's words; for an unseen question its type
};

/// "majority", "question type" or "question text".
std::string name(Prior prior);

/// The guesses for every question of `split`, learnt from `train`. Both have annotations.
std::vector<data::Result> guess(Prior prior, const data::Split& train, const data::Split& split);

}  // namespace vqa
