#include "fusion/row_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fusion/threads.h"

namespace fusion {
namespace {

/// The rows of each part, as "sample begin end".
std::vector<std::array<int64_t, 3>> rows_of(const RowParts& parts) {
  std::vector<std::array<int64_t, 3>> all;
  for (const RowPart& part : parts.parts) all.push_back({part.sample, part.begin, part.end});
  return all;
}

torch::Tensor lengths(const std::vector<int64_t>& values) { return torch::tensor(values, torch::kInt64); }

using testing::ElementsAre;
using Rows = std::array<int64_t, 3>;

TEST(RowBlocks, ASampleIsOnePartWhereThereAreSamplesForAllThreads) {
  const Threads two(2);
  const RowParts parts = share_out_rows({}, 2, 600);
  EXPECT_THAT(rows_of(parts), ElementsAre(Rows{0, 0, 600}, Rows{1, 600, 1200}));
  EXPECT_FALSE(parts.splits);
}

// As many parts as samples, and yet a sample has two: a buffer for each part was taken for one of each sample.
TEST(RowBlocks, ASampleWithoutRowsDoesNotHideAnothersSecondPart) {
  const Threads four(4);
  const RowParts parts = share_out_rows(lengths({600, 0}), 2, 600);
  EXPECT_THAT(rows_of(parts), ElementsAre(Rows{0, 0, 300}, Rows{0, 300, 600}));
  EXPECT_THAT(parts.first, ElementsAre(0, 2, 2));
  EXPECT_TRUE(parts.splits);
}

TEST(RowBlocks, FewRowsAreNotSplit) {
  const Threads eight(8);
  EXPECT_THAT(rows_of(share_out_rows(lengths({5}), 1, 100)), ElementsAre(Rows{0, 0, 5}));
}

TEST(RowBlocks, RefusesALengthBeyondTheSequence) {
  EXPECT_THROW(share_out_rows(lengths({3, 5}), 2, 4), c10::Error);
  EXPECT_THROW(share_out_rows(lengths({-1}), 1, 4), c10::Error);
}

TEST(RowBlocks, BlocksAreOfAboutOneSize) {
  std::vector<std::array<int64_t, 2>> blocks;
  for_each_block({0, 10, 10 + kBlockRows + 2}, [&](int64_t begin, int64_t end) { blocks.push_back({begin, end}); });
  const int64_t half = kBlockRows / 2 + 1;
  EXPECT_THAT(blocks,
              ElementsAre(std::array<int64_t, 2>{10, 10 + half}, std::array<int64_t, 2>{10 + half, 10 + 2 * half}));
}

}  // namespace
}  // namespace fusion
