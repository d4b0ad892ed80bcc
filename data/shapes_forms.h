// The forms that questions of the shapes set take, and what can be asked of a scene in each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/shapes_scene.h"

namespace data {

/// What can be answered: yes or no; 0 to max_objects; min_objects to max_objects; a word of an attribute; left or
/// right; top or bottom.
enum class ShapesAnswers { yes_no, count, objects, color, shape, size, side, height };

/// The answers of a kind, in a fixed order.
std::vector<std::string> possible_answers(ShapesAnswers answers, const ShapesLayout& layout);

/// "yes/no", "number" or "other", as VQA-v2 sorts them.
std::string_view answer_type(ShapesAnswers answers);

/// A question that a scene answers.
struct ShapesCandidate {
  std::string text;
  int64_t answer;  // index into the possible answers
  int64_t group;   // candidates of one group describe by the same attributes, or relate in the same direction
};

struct ShapesScope;

/// One wording of a question. {a} and {b} stand for descriptions of objects, {r} for "left of" and the like.
struct ShapesForm {
  int64_t weight;  // how often it is drawn, relative to the others
  std::string_view wording;
  std::string_view question_type;
  ShapesAnswers answers;
  void (*list)(const ShapesScope&);
  int argument;  // what it means is up to `list`
};

std::span<const ShapesForm> shapes_forms();

/// All questions of this form that the scene answers beyond doubt; none where it lacks what the form speaks of.
std::vector<ShapesCandidate> list_candidates(const ShapesForm& form, const ShapesScene& scene,
                                             const ShapesLayout& layout);

}  // namespace data
