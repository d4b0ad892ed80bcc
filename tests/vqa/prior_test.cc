#include "vqa/prior.h"

#include <gtest/gtest.h>

#include "tests/data/small_set.h"
#include "tests/temporary_folder.h"

namespace vqa {
namespace {

TEST(Prior, GivesTheMostFrequentAnswer) {
  const TemporaryFolder folder;
  const std::filesystem::path dir = folder.path();
  write_split(dir, "train2014", {{1, 1, "no"}, {2, 1, "yes"}, {3, 2, "no"}, {4, 2, "Yes."}, {5, 3, "yes"}});
  write_split(dir, "val2014", {{6, 4, "no"}, {7, 4, "yes"}});
  const data::Split train = data::Split::open(dir, "train"), val = data::Split::open(dir, "val");
  for (const Prior prior : {Prior::kMajority, Prior::kQuestionType, Prior::kQuestion}) {
    const auto results = PriorGuesser(train).guess(prior, val);
    ASSERT_EQ(results.size(), 2u);
    EXPECT_EQ(results[0].question_id, 6);
    EXPECT_EQ(results[0].answer, "yes") << name(prior);  // three of five, cleaned up
  }
}

}  // namespace
}  // namespace vqa
