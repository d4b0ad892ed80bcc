#include "data/shapes_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>

#include "tests/data/shapes_answerer.h"

namespace data {
namespace {

using testing::HasSubstr;

std::vector<ShapesExample> examples(const ShapesOptions& options) {
  std::vector<ShapesExample> all;
  ShapesStream stream(options);
  for (ShapesExample example; stream.next(example);) all.push_back(example);
  return all;
}

const std::vector<ShapesExample>& default_examples() {
  static const std::vector<ShapesExample> all = examples({});
  return all;
}

bool in_training(const ShapesExample& example) { return example.split.name == "train"; }

void expect_true_answers(const std::vector<ShapesExample>& all, int64_t image_size) {
  for (const ShapesExample& example : all) {
    for (const ShapesQuestion& question : example.questions) {
      ASSERT_EQ(question.answer, answer_about(example.scene, question.text, image_size))
          << question.text << " about " << describe(example.scene);
    }
  }
}

TEST(ShapesAnswerer, KnowsSomeAnswers) {
  ShapesScene scene;
  scene.objects = {{{1, 0, 0}, 20, 40, {}}, {{0, 0, 1}, 50, 20, {}}};  // large red circle, small red square
  EXPECT_EQ(answer_about(scene, "Is there a red circle?", 64), "yes");
  EXPECT_EQ(answer_about(scene, "Is there a blue circle?", 64), "no");
  EXPECT_EQ(answer_about(scene, "How many red things are there?", 64), "2");
  EXPECT_EQ(answer_about(scene, "What is left of the square?", 64), "circle");
  EXPECT_EQ(answer_about(scene, "Is the circle above the square?", 64), "no");
  EXPECT_EQ(answer_about(scene, "Is the circle at the top or at the bottom?", 64), "bottom");
  EXPECT_EQ(answer_about(scene, "Are the circle and the square the same size?", 64), "no");
  EXPECT_THROW(answer_about(scene, "What shape is the red thing?", 64), std::runtime_error);
  EXPECT_THROW(answer_about(scene, "What is left of the circle?", 64), std::runtime_error);
  EXPECT_THROW(answer_about(scene, "Why?", 64), std::runtime_error);
}

TEST(ShapesSet, AnswersAreTrue) {
  std::vector<ShapesExample> some = default_examples();
  some.erase(some.begin() + 300, some.end() - 100);
  expect_true_answers(some, 64);
}

TEST(ShapesSet, AnswersAreTrueForOtherScenes) {
  for (const ShapesOptions& options :
       {ShapesOptions{.images = 40, .validation_images = 10, .seed = 7, .image_size = 128},
        ShapesOptions{.images = 40, .validation_images = 10, .min_objects = 1, .max_objects = 1},
        ShapesOptions{.images = 40, .validation_images = 10, .image_size = 200, .min_objects = 4, .max_objects = 12},
        ShapesOptions{.images = 20, .validation_images = 10, .questions_per_image = 32}}) {
    const std::vector<ShapesExample> all = examples(options);
    ASSERT_EQ(all.size(), static_cast<size_t>(options.images + options.validation_images));
    expect_true_answers(all, options.image_size);
  }
}

TEST(ShapesSet, ObjectsLieInsideAndApart) {
  const ShapesLayout layout = ShapesOptions{.image_size = 96, .max_objects = 12}.layout();
  ExactRandom random(3);
  for (int i = 0; i < 300; ++i) {
    const ShapesScene scene = random_shapes_scene(layout, random);
    for (const ShapesObject& a : scene.objects) {
      const int64_t reach = layout.radius(a.value[kShapesSize]);  // 1/16 pixel
      EXPECT_GE(16 * std::min(a.x, a.y), reach);
      EXPECT_LE(16 * std::max(a.x, a.y) + reach, 16 * 95);
      for (const ShapesObject& b : scene.objects) {
        if (&a == &b) continue;
        const int64_t apart = 16 * std::max(std::abs(a.x - b.x), std::abs(a.y - b.y));
        EXPECT_GE(apart, reach + layout.radius(b.value[kShapesSize]) + 16) << describe(scene);
      }
    }
  }
}

// The best a program can do that never sees a picture: the answer most frequent in training among the questions with
// the same `key`, or among all where the key is new.
double guess_accuracy(const std::function<std::string(const ShapesQuestion&)>& key) {
  std::map<std::string, std::map<std::string, int64_t>> seen;
  const auto most_frequent = [&](const std::string& of) {
    const auto& counts = seen.contains(of) ? seen.at(of) : seen.at("all");
    return std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; })->first;
  };
  double right = 0, asked = 0;
  for (const ShapesExample& example : default_examples()) {
    for (const ShapesQuestion& question : example.questions) {
      if (in_training(example)) {
        ++seen[key(question)][question.answer];
        ++seen["all"][question.answer];
      } else {
        ++asked;
        right += most_frequent(key(question)) == question.answer;
      }
    }
  }
  return 100 * right / asked;
}

TEST(ShapesSet, CannotBeGuessedFromQuestions) {
  const double by_text = guess_accuracy([](const ShapesQuestion& q) { return q.text; });
  const double by_first_words = guess_accuracy([](const ShapesQuestion& q) { return q.text.substr(0, 14); });
  const double by_type = guess_accuracy([](const ShapesQuestion& q) { return q.question_type; });
  const double majority = guess_accuracy([](const ShapesQuestion&) { return "all"; });
  RecordProperty("by_text", std::to_string(by_text));
  RecordProperty("by_first_words", std::to_string(by_first_words));
  RecordProperty("by_type", std::to_string(by_type));
  RecordProperty("majority", std::to_string(majority));
  EXPECT_LT(by_text, 40);
  EXPECT_LT(by_first_words, 40);
  EXPECT_LT(by_type, 40);
  EXPECT_LT(majority, 20);
  EXPECT_GT(by_text, 30);  // what a uniform guess among the possible answers gets: less would be a broken guesser
}

TEST(ShapesSet, AnswersOfOneQuestionAreEquallyFrequent) {
  std::map<std::string, std::map<std::string, int64_t>> given;
  for (const ShapesExample& example : default_examples()) {
    if (!in_training(example)) continue;
    for (const ShapesQuestion& question : example.questions) ++given[question.text][question.answer];
  }
  for (const auto& [text, wanted] : std::map<std::string, size_t>{{"How many circles are there?", 4},
                                                                  {"Is there a red circle?", 2},
                                                                  {"What color is the large square?", 6},
                                                                  {"What shape is the red thing?", 3}}) {
    const auto [least, most] = std::minmax_element(given[text].begin(), given[text].end(),
                                                   [](auto& a, auto& b) { return a.second < b.second; });
    EXPECT_EQ(given[text].size(), wanted) << text;
    EXPECT_GE(least->second, 5) << text;
    EXPECT_LE(most->second - least->second, 1) << text;
  }
}

TEST(ShapesSet, AsksAllKindsOfQuestions) {
  std::map<std::string, double> share;  // percent of the validation questions
  std::set<std::string> answers;
  for (const ShapesExample& example : default_examples()) {
    if (in_training(example)) continue;
    for (const ShapesQuestion& question : example.questions) {
      share[question.answer_type] += 100.0 / 4000;
      share[question.question_type] += 100.0 / 4000;
      answers.insert(question.answer);
    }
  }
  EXPECT_LT(share["yes/no"], 40);
  EXPECT_GT(share["number"], 15);
  EXPECT_GT(share["other"], 35);
  for (const char* type : {"is there a", "are there any", "how many", "what color is the", "what is the", "what",
                           "is the", "what is", "are there", "do", "are the"}) {
    EXPECT_GT(share[type], 0.5) << type;
  }
  EXPECT_EQ(answers.size(), 21u);
}

TEST(ShapesSet, ValidationScenesAreNotInTraining) {
  // Small pictures of one object: without care, one validation scene in four would be one of the training scenes.
  for (const ShapesOptions& options :
       {ShapesOptions{},
        ShapesOptions{
            .images = 20000, .validation_images = 500, .questions_per_image = 1, .image_size = 48, .max_objects = 1}}) {
    std::set<std::string> training;
    ShapesStream stream(options);
    for (ShapesExample example; stream.next(example);) {
      if (in_training(example)) {
        training.insert(describe(example.scene));
      } else {
        EXPECT_FALSE(training.contains(describe(example.scene)));
      }
    }
    EXPECT_GT(training.size(), 3000u);
  }
}

TEST(ShapesSet, SceneDescriptionIgnoresOrderAndTone) {
  ShapesScene a, b;
  a.objects = {{{0, 0, 0}, 10, 12, {1, 2, 3}}, {{1, 2, 2}, 40, 42, {}}};
  b.objects = {{{1, 2, 2}, 40, 42, {}}, {{0, 0, 0}, 10, 12, {}}};
  EXPECT_EQ(describe(a), "large blue triangle 40,42; small red circle 10,12");
  EXPECT_EQ(describe(a), describe(b));
  b.objects[0].x = 41;
  EXPECT_NE(describe(a), describe(b));
}

TEST(ShapesSet, SeedsDiffer) {
  const auto described = [](int64_t seed) {
    std::string all;
    for (const ShapesExample& example : examples({.images = 5, .validation_images = 1, .seed = seed})) {
      all += describe(example.scene) + "\n";
      for (const ShapesQuestion& question : example.questions) all += question.text + "\n";
    }
    return all;
  };
  EXPECT_EQ(described(1), described(1));
  EXPECT_NE(described(1), described(2));
}

TEST(ShapesSet, OneObjectScenesAreStillAsked) {
  for (const ShapesExample& example : examples({.images = 200, .validation_images = 50, .max_objects = 1})) {
    std::set<std::string> texts;
    for (const ShapesQuestion& question : example.questions) {
      texts.insert(question.text);
      EXPECT_THAT(question.text, Not(HasSubstr("many things")));  // always one
    }
    EXPECT_EQ(texts.size(), 8u);
  }
}

TEST(ShapesOptions, RefusesWhatCannotBe) {
  const auto message = [](const ShapesOptions& options) -> std::string {
    try {
      ShapesStream stream(options);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({}), "accepted");
  EXPECT_EQ(message({.images = 0}), "images: 0; allowed is 1 to 1000000");
  EXPECT_EQ(message({.images = -3}), "images: -3; allowed is 1 to 1000000");
  EXPECT_EQ(message({.validation_images = 0}), "validation-images: 0; allowed is 1 to 1000000");
  EXPECT_EQ(message({.questions_per_image = 0}), "questions-per-image: 0; allowed is 1 to 32");
  EXPECT_EQ(message({.questions_per_image = 33}), "questions-per-image: 33; allowed is 1 to 32");
  EXPECT_THAT(message({.seed = -1}), HasSubstr("seed: -1"));
  EXPECT_EQ(message({.min_objects = 0}), "min-objects: 0; allowed is 1 to 3");
  EXPECT_EQ(message({.min_objects = 4}), "min-objects: 4; allowed is 1 to 3");
  EXPECT_EQ(message({.max_objects = 13}), "max-objects: 13; allowed is 1 to 12");
  EXPECT_EQ(message({.image_size = 47}), "image-size: 47; allowed is 48 to 1024 pixels for scenes of up to 3 objects");
  EXPECT_EQ(message({.image_size = 64, .max_objects = 12}),
            "image-size: 64; allowed is 96 to 1024 pixels for scenes of up to 12 objects");
  EXPECT_EQ(message({.image_size = 96, .max_objects = 12}), "accepted");
}

TEST(ExactRandom, DrawsKnownNumbers) {
  // The standard gives the 10,000th output of the generator seeded with 5489: 9981545732273789042.
  ExactRandom random(5489);
  int64_t last = 0;
  for (int i = 0; i < 10000; ++i) last = random.below(1'000'000'007);
  EXPECT_EQ(last, static_cast<int64_t>(9981545732273789042ull % 1'000'000'007));
  EXPECT_EQ(random.below(1), 0);
  for (int i = 0; i < 1000; ++i) {
    const int64_t drawn = random.between(-2, 3);
    EXPECT_TRUE(-2 <= drawn && drawn <= 3);
  }
}

}  // namespace
}  // namespace data
