#include "data/shapes_forms.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>

namespace data {

struct ShapesScope {
  const ShapesForm& form;
  const ShapesScene& scene;
  const ShapesLayout& layout;
  std::vector<ShapesCandidate>& candidates;
};

namespace {

// What a question may say of an object: for each attribute a value, or nothing (-1).
using Description = std::array<int64_t, kShapesAttributes>;

// Which attributes a description names: a sum of 1 << attribute.
constexpr int kSize = 1 << kShapesSize, kColor = 1 << kShapesColor, kShape = 1 << kShapesShape;

int named(const Description& description) {
  int names = 0;
  for (int attribute = 0; attribute < kShapesAttributes; ++attribute)
    names |= (description[attribute] >= 0) << attribute;
  return names;
}

Description describe_by(const ShapesObject& object, int names) {
  Description description;
  for (int attribute = 0; attribute < kShapesAttributes; ++attribute) {
    description[attribute] = names >> attribute & 1 ? object.value[attribute] : -1;
  }
  return description;
}

bool fits(const Description& description, const ShapesObject& object) {
  for (int attribute = 0; attribute < kShapesAttributes; ++attribute) {
    if (description[attribute] >= 0 && description[attribute] != object.value[attribute]) return false;
  }
  return true;
}

int64_t count_of(const Description& description, const ShapesScene& scene) {
  return std::count_if(scene.objects.begin(), scene.objects.end(),
                       [&](const ShapesObject& object) { return fits(description, object); });
}

/// "large red circle", "red thing", "thing"; with an s for several.
std::string words(const Description& description, bool plural = false) {
  std::string text;
  for (const ShapesAttribute attribute : {kShapesSize, kShapesColor, kShapesShape}) {
    if (description[attribute] >= 0) {
      text += std::string(text.empty() ? "" : " ") + std::string(shapes_words(attribute)[description[attribute]]);
    }
  }
  if (description[kShapesShape] < 0) text += text.empty() ? "thing" : " thing";
  return plural ? text + "s" : text;
}

/// All descriptions that name just these attributes.
std::vector<Description> descriptions(int names) {
  std::vector<Description> all = {{-1, -1, -1}};
  for (const ShapesAttribute attribute : {kShapesSize, kShapesColor, kShapesShape}) {
    if (!(names >> attribute & 1)) continue;
    std::vector<Description> longer;
    for (const Description& description : all) {
      for (size_t value = 0; value < shapes_words(attribute).size(); ++value) {
        longer.push_back(description);
        longer.back()[attribute] = static_cast<int64_t>(value);
      }
    }
    all = std::move(longer);
  }
  return all;
}

/// The descriptions among `choices` that fit this object of the scene alone.
std::vector<Description> references(const ShapesScene& scene, const ShapesObject& object,
                                    std::initializer_list<int> choices) {
  std::vector<Description> found;
  for (const int names : choices) {
    const Description description = describe_by(object, names);
    if (count_of(description, scene) == 1) found.push_back(description);
  }
  return found;
}

void replace(std::string& text, std::string_view mark, std::string_view by) {
  if (const size_t at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), by);
}

void add(const ShapesScope& scope, int64_t group, int64_t answer, std::array<std::string_view, 3> a_b_r) {
  std::string text(scope.form.wording);
  replace(text, "{a}", a_b_r[0]);
  replace(text, "{b}", a_b_r[1]);
  replace(text, "{r}", a_b_r[2]);
  scope.candidates.push_back({std::move(text), answer, group});
}

constexpr int64_t kYes = 0, kNo = 1;

int64_t yes_if(bool condition) { return condition ? kYes : kNo; }

// argument: 1 for the plural
void list_existence(const ShapesScope& scope) {
  for (const int names : {kShape, kColor, kColor | kShape, kSize | kShape}) {
    for (const Description& a : descriptions(names)) {
      add(scope, names, yes_if(count_of(a, scope.scene) > 0), {words(a, scope.form.argument == 1)});
    }
  }
}

void list_counts(const ShapesScope& scope) {
  for (const int names : {kShape, kColor, kSize, kColor | kShape}) {
    for (const Description& a : descriptions(names)) add(scope, names, count_of(a, scope.scene), {words(a, true)});
  }
}

void list_count_of_all(const ShapesScope& scope) {
  const int64_t objects = static_cast<int64_t>(scope.scene.objects.size());
  if (scope.layout.max_objects > scope.layout.min_objects)
    add(scope, 0, objects - scope.layout.min_objects, {"things"});
}

// argument: the attribute asked for, which the reference leaves out
void list_attribute(const ShapesScope& scope) {
  const int asked = 1 << scope.form.argument;
  for (const ShapesObject& object : scope.scene.objects) {
    for (const int names : {0, kSize, kColor, kShape, kSize | kColor, kSize | kShape, kColor | kShape}) {
      if (names & asked) continue;
      for (const Description& a : references(scope.scene, object, {names})) {
        add(scope, names, object.value[scope.form.argument], {words(a)});
      }
    }
  }
}

// argument: 0 left or right, 1 top or bottom
void list_place(const ShapesScope& scope) {
  for (const ShapesObject& object : scope.scene.objects) {
    const int64_t off_centre =
        2 * (scope.form.argument == 0 ? object.x : object.y) - (scope.layout.image_size - 1);  // half pixels
    if (std::abs(off_centre) < 2 * scope.layout.clear_distance()) continue;
    for (const Description& a : references(scope.scene, object, {kColor, kShape, kColor | kShape})) {
      add(scope, named(a), off_centre < 0 ? 0 : 1, {words(a)});
    }
  }
}

constexpr std::array<std::string_view, 4> kRelations = {"left of", "right of", "above", "below"};

/// By how many pixels `a` is left of, right of, above or below `b`.
int64_t distance(size_t relation, const ShapesObject& a, const ShapesObject& b) {
  const int64_t along = relation < 2 ? b.x - a.x : b.y - a.y;
  return relation % 2 == 0 ? along : -along;
}

/// The one object that is `relation` (left of, ...) `reference`; nothing where there is none, several or a doubtful
/// one.
const ShapesObject* only_one(const ShapesScope& scope, size_t relation, const ShapesObject& reference) {
  const ShapesObject* found = nullptr;
  for (const ShapesObject& object : scope.scene.objects) {
    const int64_t by = distance(relation, object, reference);
    if (&object == &reference || by <= 0) continue;
    if (found || by < scope.layout.clear_distance()) return nullptr;
    found = &object;
  }
  return found;
}

// argument: the attribute asked for, which does not describe the reference: in half of the scenes all share it
void list_neighbour(const ShapesScope& scope) {
  for (const ShapesObject& reference : scope.scene.objects) {
    for (size_t relation = 0; relation < kRelations.size(); ++relation) {
      const ShapesObject* found = only_one(scope, relation, reference);
      if (!found) continue;
      const int names = scope.form.argument == kShapesShape ? kColor : kShape;
      for (const Description& b : references(scope.scene, reference, {names})) {
        add(scope, static_cast<int64_t>(relation), found->value[scope.form.argument],
            {"", words(b), kRelations[relation]});
      }
    }
  }
}

/// Calls `use` with each pair of different objects and of descriptions among `choices` that fit them alone.
template <typename Use>
void each_pair(const ShapesScope& scope, std::initializer_list<int> choices, Use use) {
  for (const ShapesObject& first : scope.scene.objects) {
    for (const ShapesObject& second : scope.scene.objects) {
      if (&first == &second) continue;
      for (const Description& a : references(scope.scene, first, choices)) {
        for (const Description& b : references(scope.scene, second, choices)) use(first, second, a, b);
      }
    }
  }
}

void list_relation(const ShapesScope& scope) {
  each_pair(scope, {kColor, kShape, kColor | kShape},
            [&](const ShapesObject& first, const ShapesObject& second, const Description& a, const Description& b) {
              for (size_t relation = 0; relation < kRelations.size(); ++relation) {
                const int64_t by = distance(relation, first, second);
                if (std::abs(by) < scope.layout.clear_distance()) continue;
                add(scope, static_cast<int64_t>(relation), yes_if(by > 0), {words(a), words(b), kRelations[relation]});
              }
            });
}

// argument: the size (small, large) that makes it a yes; the two differ in size, since "smaller" asked of equal ones
// would make no the better guess
void list_size_comparison(const ShapesScope& scope) {
  each_pair(scope, {kColor, kShape, kColor | kShape},
            [&](const ShapesObject& first, const ShapesObject& second, const Description& a, const Description& b) {
              if (first.value[kShapesSize] == second.value[kShapesSize]) return;
              add(scope, 0, yes_if(first.value[kShapesSize] == scope.form.argument), {words(a), words(b)});
            });
}

// argument: the attribute compared, which neither description names
void list_sameness(const ShapesScope& scope) {
  const int compared = scope.form.argument;
  const int by = compared == kShapesShape ? kColor : kShape;
  const int more = compared == kShapesSize ? kColor | kShape : kSize | by;
  each_pair(
      scope, {by, more},
      [&](const ShapesObject& first, const ShapesObject& second, const Description& a, const Description& b) {
        add(scope, named(a) + named(b), yes_if(first.value[compared] == second.value[compared]), {words(a), words(b)});
      });
}

// argument: 1 for more a than b, -1 for fewer
void list_count_comparison(const ShapesScope& scope) {
  for (const int names : {kColor, kShape}) {
    for (const Description& a : descriptions(names)) {
      for (const Description& b : descriptions(names)) {
        const int64_t more = count_of(a, scope.scene) - count_of(b, scope.scene);
        const bool none = count_of(a, scope.scene) + count_of(b, scope.scene) == 0;
        if (a == b || none) continue;
        add(scope, names, yes_if(more * scope.form.argument > 0), {words(a, true), words(b, true)});
      }
    }
  }
}

constexpr std::array kForms = {
    ShapesForm{6, "Is there a {a}?", "is there a", ShapesAnswers::yes_no, list_existence, 0},
    ShapesForm{6, "Are there any {a}?", "are there any", ShapesAnswers::yes_no, list_existence, 1},
    ShapesForm{9, "How many {a} are there?", "how many", ShapesAnswers::count, list_counts, 0},
    ShapesForm{9, "How many {a} are in the picture?", "how many", ShapesAnswers::count, list_counts, 0},
    ShapesForm{2, "How many {a} are there?", "how many", ShapesAnswers::objects, list_count_of_all, 0},
    ShapesForm{2, "How many {a} are in the picture?", "how many", ShapesAnswers::objects, list_count_of_all, 0},
    ShapesForm{8, "What color is the {a}?", "what color is the", ShapesAnswers::color, list_attribute, kShapesColor},
    ShapesForm{6, "What is the color of the {a}?", "what is the", ShapesAnswers::color, list_attribute, kShapesColor},
    ShapesForm{8, "What shape is the {a}?", "what", ShapesAnswers::shape, list_attribute, kShapesShape},
    ShapesForm{6, "What is the shape of the {a}?", "what is the", ShapesAnswers::shape, list_attribute, kShapesShape},
    ShapesForm{4, "What size is the {a}?", "what", ShapesAnswers::size, list_attribute, kShapesSize},
    ShapesForm{4, "Is the {a} small or large?", "is the", ShapesAnswers::size, list_attribute, kShapesSize},
    ShapesForm{4, "Is the {a} on the left or on the right?", "is the", ShapesAnswers::side, list_place, 0},
    ShapesForm{4, "Is the {a} at the top or at the bottom?", "is the", ShapesAnswers::height, list_place, 1},
    ShapesForm{2, "What is {r} the {b}?", "what is", ShapesAnswers::shape, list_neighbour, kShapesShape},
    ShapesForm{2, "What color is the thing {r} the {b}?", "what color is the", ShapesAnswers::color, list_neighbour,
               kShapesColor},
    ShapesForm{3, "Is the {a} {r} the {b}?", "is the", ShapesAnswers::yes_no, list_relation, 0},
    ShapesForm{3, "Are there more {a} than {b}?", "are there", ShapesAnswers::yes_no, list_count_comparison, 1},
    ShapesForm{1, "Are there fewer {a} than {b}?", "are there", ShapesAnswers::yes_no, list_count_comparison, -1},
    ShapesForm{1, "Is the {a} larger than the {b}?", "is the", ShapesAnswers::yes_no, list_size_comparison, 1},
    ShapesForm{1, "Is the {a} smaller than the {b}?", "is the", ShapesAnswers::yes_no, list_size_comparison, 0},
    ShapesForm{1, "Do the {a} and the {b} have the same color?", "do", ShapesAnswers::yes_no, list_sameness,
               kShapesColor},
    ShapesForm{1, "Do the {a} and the {b} have the same shape?", "do", ShapesAnswers::yes_no, list_sameness,
               kShapesShape},
    ShapesForm{2, "Are the {a} and the {b} the same size?", "are the", ShapesAnswers::yes_no, list_sameness,
               kShapesSize},
};

}  // namespace

std::span<const ShapesForm> shapes_forms() { return kForms; }

std::vector<ShapesCandidate> list_candidates(const ShapesForm& form, const ShapesScene& scene,
                                             const ShapesLayout& layout) {
  std::vector<ShapesCandidate> candidates;
  form.list({form, scene, layout, candidates});
  return candidates;
}

std::vector<std::string> possible_answers(ShapesAnswers answers, const ShapesLayout& layout) {
  const auto all = [](auto words) { return std::vector<std::string>(words.begin(), words.end()); };
  switch (answers) {
    case ShapesAnswers::yes_no:
      return {"yes", "no"};
    case ShapesAnswers::color:
      return all(shapes_words(kShapesColor));
    case ShapesAnswers::shape:
      return all(shapes_words(kShapesShape));
    case ShapesAnswers::size:
      return all(shapes_words(kShapesSize));
    case ShapesAnswers::side:
      return {"left", "right"};
    case ShapesAnswers::height:
      return {"top", "bottom"};
    default:
      break;
  }
  std::vector<std::string> counts;
  const int64_t least = answers == ShapesAnswers::objects ? layout.min_objects : 0;
  for (int64_t i = least; i <= layout.max_objects; ++i) counts.push_back(std::to_string(i));
  return counts;
}

std::string_view answer_type(ShapesAnswers answers) {
  if (answers == ShapesAnswers::yes_no) return "yes/no";
  return answers == ShapesAnswers::count || answers == ShapesAnswers::objects ? "number" : "other";
}

}  // namespace data
