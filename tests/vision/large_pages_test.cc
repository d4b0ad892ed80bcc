#include "vision/large_pages.h"

#include <gtest/gtest.h>

namespace vision {
namespace {

TEST(LargePages, PiecesOfMemoryDoNotOverlap) {
  WeightMemory memory;
  std::vector<torch::Tensor> taken;
  // The last but one does not fit into what is left of the first piece of 32 MB, the last is larger than any.
  for (const int64_t count : {1, 17, 5'000'000, 4'000'000, 20'000'000}) {
    taken.push_back(memory.take({1, count}));
    taken.back().fill_(static_cast<double>(taken.size()));
  }
  for (size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(taken[i].data_ptr()) % 64, 0u);
    EXPECT_TRUE(taken[i].eq(static_cast<double>(i + 1)).all().item<bool>()) << i;
  }
}

TEST(LargePages, MemoryOutlivesWhatHandedItOut) {
  torch::Tensor taken;
  {
    WeightMemory memory;
    taken = memory.take({1000});
  }
  EXPECT_EQ(taken.fill_(2).sum().item<double>(), 2000);
}

}  // namespace
}  // namespace vision
