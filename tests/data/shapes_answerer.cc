#include "tests/data/shapes_answerer.h"

#include <functional>
#include <regex>
#include <stdexcept>

namespace data {
namespace {

using Objects = std::vector<const ShapesObject*>;

std::string yes_no(bool yes) { return yes ? "yes" : "no"; }

struct Asker {
  const ShapesScene& scene;
  const std::string& question;
  int64_t image_size;

  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error(question + " (" + describe(scene) + "): " + why);
  }

  std::string word(const ShapesObject& object, ShapesAttribute attribute) const {
    return std::string(shapes_words(attribute)[object.value[attribute]]);
  }

  bool is(const ShapesObject& object, const std::string& adjective) const {
    for (const ShapesAttribute attribute : {kShapesSize, kShapesColor, kShapesShape}) {
      const std::string own = word(object, attribute);
      if (adjective == own || adjective == own + "s") return true;
    }
    return adjective == "thing" || adjective == "things";
  }

  Objects all(std::string phrase) const {
    Objects found;
    for (const ShapesObject& object : scene.objects) {
      std::string rest = phrase + " ";
      bool fits = true;
      for (size_t space; (space = rest.find(' ')) != std::string::npos; rest.erase(0, space + 1)) {
        fits = fits && is(object, rest.substr(0, space));
      }
      if (fits) found.push_back(&object);
    }
    return found;
  }

  const ShapesObject& the(const std::string& phrase) const {
    const Objects found = all(phrase);
    if (found.size() != 1) fail("'the " + phrase + "' fits " + std::to_string(found.size()));
    return *found[0];
  }

  /// Pixels from b to a in the direction named.
  int64_t offset(const std::string& relation, const ShapesObject& a, const ShapesObject& b) const {
    if (relation == "left of") return b.x - a.x;
    if (relation == "right of") return a.x - b.x;
    return relation == "above" ? b.y - a.y : a.y - b.y;
  }

  bool holds(const std::string& relation, const ShapesObject& a, const ShapesObject& b) const {
    const int64_t by = offset(relation, a, b);
    if (8 * std::abs(by) < image_size) fail("hardly " + relation);
    return by > 0;
  }

  const ShapesObject& only(const std::string& relation, const ShapesObject& reference) const {
    Objects found;
    for (const ShapesObject& object : scene.objects) {
      if (&object == &reference || offset(relation, object, reference) <= 0) continue;
      if (!holds(relation, object, reference)) fail("impossible");
      found.push_back(&object);
    }
    if (found.size() != 1) fail(std::to_string(found.size()) + " are " + relation);
    return *found[0];
  }

  std::string half(int64_t at, const char* low, const char* high) const {
    if (8 * std::abs(2 * at - (image_size - 1)) < 2 * image_size) fail("hardly off the centre");
    return 2 * at < image_size ? low : high;
  }

  std::string same(const std::string& first, const std::string& second, const std::string& name) const {
    return yes_no(word(the(first), attribute(name)) == word(the(second), attribute(name)));
  }

  ShapesAttribute attribute(const std::string& name) const {
    return name == "size" ? kShapesSize : name == "color" ? kShapesColor : kShapesShape;
  }
};

struct Rule {
  const char* pattern;
  std::function<std::string(const Asker&, const std::smatch&)> answer;
};

// The first that matches answers.
const std::vector<Rule>& rules() {
  using A = const Asker&;
  using M = const std::smatch&;
  static const std::vector<Rule> all = {
      {"Is there an? (.*)", [](A s, M m) { return yes_no(!s.all(m[1]).empty()); }},
      {"Are there any (.*)", [](A s, M m) { return yes_no(!s.all(m[1]).empty()); }},
      {"Are there more (.*) than (.*)", [](A s, M m) { return yes_no(s.all(m[1]).size() > s.all(m[2]).size()); }},
      {"Are there fewer (.*) than (.*)", [](A s, M m) { return yes_no(s.all(m[1]).size() < s.all(m[2]).size()); }},
      {"How many (.*) are (there|in the picture)", [](A s, M m) { return std::to_string(s.all(m[1]).size()); }},
      {"What color is the thing (left of|right of|above|below) the (.*)",
       [](A s, M m) { return s.word(s.only(m[1], s.the(m[2])), kShapesColor); }},
      {"What is (left of|right of|above|below) the (.*)",
       [](A s, M m) { return s.word(s.only(m[1], s.the(m[2])), kShapesShape); }},
      {"What (color|shape|size) is the (.*)", [](A s, M m) { return s.word(s.the(m[2]), s.attribute(m[1])); }},
      {"What is the (color|shape) of the (.*)", [](A s, M m) { return s.word(s.the(m[2]), s.attribute(m[1])); }},
      {"Is the (.*) small or large", [](A s, M m) { return s.word(s.the(m[1]), kShapesSize); }},
      {"Is the (.*) on the left or on the right", [](A s, M m) { return s.half(s.the(m[1]).x, "left", "right"); }},
      {"Is the (.*) at the top or at the bottom", [](A s, M m) { return s.half(s.the(m[1]).y, "top", "bottom"); }},
      {"Is the (.*) larger than the (.*)",
       [](A s, M m) { return yes_no(s.the(m[1]).value[kShapesSize] > s.the(m[2]).value[kShapesSize]); }},
      {"Is the (.*) smaller than the (.*)",
       [](A s, M m) { return yes_no(s.the(m[1]).value[kShapesSize] < s.the(m[2]).value[kShapesSize]); }},
      {"Is the (.*) (left of|right of|above|below) the (.*)",
       [](A s, M m) { return yes_no(s.holds(m[2], s.the(m[1]), s.the(m[3]))); }},
      {"Do the (.*) and the (.*) have the same (color|shape|size)", [](A s, M m) { return s.same(m[1], m[2], m[3]); }},
      {"Are the (.*) and the (.*) the same (color|shape|size)", [](A s, M m) { return s.same(m[1], m[2], m[3]); }},
  };
  return all;
}

}  // namespace

std::string answer_about(const ShapesScene& scene, const std::string& question, int64_t image_size) {
  static const std::vector<std::regex> patterns = [] {
    std::vector<std::regex> compiled;
    for (const Rule& rule : rules()) compiled.emplace_back(std::string(rule.pattern) + "\\?");
    return compiled;
  }();
  const Asker asker = {scene, question, image_size};
  std::smatch match;
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (std::regex_match(question, match, patterns[i])) return rules()[i].answer(asker, match);
  }
  asker.fail("not understood");
}

}  // namespace data
