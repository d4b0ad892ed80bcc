#include "vqa/prior.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/data/small_set.h"
#include "tests/temporary_folder.h"

namespace vqa {
namespace {

// Each guesser has an answer of its own; a question that training does not have gets its type's.
TEST(Prior, GivesTheMostFrequentAnswerOfItsKind) {
  const TemporaryFolder folder;
  const std::filesystem::path dir = folder.path();
  const std::string color = "what color", count = "how many";
  write_split(dir, "train2014",
              {{.id = 1, .image = 1, .answer = "yes", .text = "Is it?"},
               {.id = 2, .image = 1, .answer = "yes", .text = "Is it?"},
               {.id = 3, .image = 2, .answer = "Yes.", .text = "Is it?"},
               {.id = 4, .image = 2, .answer = "red", .text = "What color is A?", .type = color},
               {.id = 5, .image = 3, .answer = "red", .text = "What color is A?", .type = color},
               {.id = 6, .image = 3, .answer = "blue", .text = "What color is B?", .type = color}});
  write_split(dir, "val2014",
              {{.id = 7, .image = 4, .text = "What color is B?", .type = color},
               {.id = 8, .image = 4, .text = "What color is C?", .type = color},
               {.id = 9, .image = 4, .text = "How many?", .type = count}});
  const data::Split train = data::Split::open(dir, "train"), val = data::Split::open(dir, "val");
  const std::map<Prior, std::vector<std::string>> expected{{Prior::kMajority, {"yes", "yes", "yes"}},
                                                           {Prior::kQuestionType, {"red", "red", "yes"}},
                                                           {Prior::kQuestion, {"blue", "red", "yes"}}};
  for (const auto& [prior, answers] : expected) {
    std::vector<std::string> guesses;
    for (const data::Result& result : PriorGuesser(train).guess(prior, val)) guesses.push_back(result.answer);
    EXPECT_EQ(guesses, answers) << name(prior);
  }
}

}  // namespace
}  // namespace vqa
