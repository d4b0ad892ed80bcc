// Guessers that never see a picture: what a model's accuracy has to be compared with.
#pragma once

#include <string>
#include <unordered_map>
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

/// Knows each training answer that was most frequent; of equally frequent ones the first in byte order.
class PriorGuesser {
 public:
  /// `train` has annotations.
  explicit PriorGuesser(const data::Split& train);

  /// A guess for every question of `split`, which has annotations.
  std::vector<data::Result> guess(Prior prior, const data::Split& split) const;

 private:
  std::string by_all_;
  std::unordered_map<std::string, std::string> by_type_, by_text_;  // the answer by question type, by question
};

}  // namespace vqa
