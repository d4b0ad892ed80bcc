// Questions about the scenes of the shapes set.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/shapes_scene.h"

namespace data {

struct ShapesCandidate;

struct ShapesQuestion {
  std::string text;           // "How many red things are there?"
  std::string question_type;  // the words it begins with, as VQA-v2 names types: "how many"
  std::string answer_type;    // "yes/no", "number" or "other"
  std::string answer;
};

/// Asks questions whose answers cannot be guessed from their words.
///
/// A question's form is drawn by weight, then its answer uniformly from the answers that the scene can give, then its
/// words. Beyond that, a question (its exact text) is asked again only when its answer is none of those already given
/// more often to it than another possible answer; where a scene has no such question left, the rule is waived.
/// Every "the ..." names exactly one object of the scene, and left, right, above and below hold by a clear distance.
class ShapesQuestioner {
 public:
  explicit ShapesQuestioner(const ShapesLayout& layout) : layout_(layout) {}

  /// `count` questions about `scene`, no two with the same text.
  std::vector<ShapesQuestion> ask(const ShapesScene& scene, int64_t count, ExactRandom& random);

  /// How many questions were asked under the waiver.
  int64_t waived() const { return waived_; }

 private:
  /// Whether the candidate's answer is among those given least often to its question so far.
  bool balanced(const ShapesCandidate& candidate) const;

  ShapesLayout layout_;
  std::map<std::string, std::vector<int64_t>, std::less<>> given_;  // text -> times each possible answer was given
  int64_t waived_ = 0;
};

}  // namespace data
