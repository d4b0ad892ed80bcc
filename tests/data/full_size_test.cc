// A training split of VQA-v2's full size, made of real entries by tests/make_full_size.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

#include "data/check.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

TEST(FullSize, GoesThroughCheckInOneAndAHalfGigabytes) {
  const std::filesystem::path real = VQA_SOURCE_DIR "/../shared/vqa2-60k";
  if (!std::filesystem::exists(real)) GTEST_SKIP() << real << " is absent";
  const TemporaryFolder folder;
  const std::string command =
      VQA_SOURCE_DIR "/tests/make_full_size '" + real.string() + "' '" + folder.path().string() + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);

  const DataReport report = check_data(folder.path());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);

  ASSERT_EQ(report.splits.size(), 1U);
  EXPECT_EQ(report.splits[0].questions, 443'757);
  EXPECT_EQ(report.splits[0].annotations, 443'757);
  EXPECT_EQ(report.splits[0].answers, 4'437'570);
  EXPECT_THAT(report.problems, testing::ElementsAre(testing::HasSubstr("train2014: no such folder")));
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(usage.ru_maxrss, 1'500'000);  // kilobytes
#endif
}

}  // namespace
}  // namespace data
