// Where a grid store is going to be: what may be there already, and who comes first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <memory>
#include <stdexcept>
#include <thread>

#include "data/atomic_file.h"
#include "data/grid_store.h"
#include "data/grid_store_writer.h"
#include "data/hdf5.h"
#include "tests/data/error_of.h"
#include "tests/data/grid_store_sample.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class GridStorePlaceTest : public testing::Test {
 protected:
  std::string path(const std::string& name = "G.h5") const { return (folder_ / name).string(); }
  auto files() const { return std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()); }

 private:
  TemporaryFolder folder_;
};

// Two that found no unfinished store laid out one each, and the second took the first one's name.
TEST_F(GridStorePlaceTest, AStoreBegunMeanwhileStays) {
  std::string refusal;
  std::thread second;
  {
    const Hdf5Lock lock;  // keeps the second one in the middle of laying out
    second =
        std::thread([&] { refusal = error_of<std::runtime_error>([&] { GridStoreWriter(path(), sample_plan()); }); });
    while (!fs::exists(path("G.h5.part.new"))) std::this_thread::yield();
    write_text(path("G.h5.part"), "the first one's");
  }
  second.join();
  EXPECT_EQ(refusal, path("G.h5.part") + ": is being written by another process; wait for it");
  EXPECT_EQ(read_file(path("G.h5.part")), "the first one's");
  EXPECT_EQ(files(), 1);
}

TEST_F(GridStorePlaceTest, OfManyThatBeginAtOnceOneWrites) {
  constexpr std::ptrdiff_t kWriters = 4;
  const GridStorePlan plan = sample_plan();
  for (int round = 0; round < 10; ++round) {
    std::array<std::unique_ptr<GridStoreWriter>, kWriters> writers;
    std::barrier together(kWriters);
    std::vector<std::thread> threads;
    for (std::unique_ptr<GridStoreWriter>& writer : writers) {
      threads.emplace_back([&] {
        together.arrive_and_wait();
        try {
          writer = std::make_unique<GridStoreWriter>(path(), plan);
        } catch (const std::runtime_error& error) {
          EXPECT_THAT(error.what(), HasSubstr(" by another process; "));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(std::count(writers.begin(), writers.end(), nullptr), kWriters - 1) << round;
    EXPECT_EQ(files(), 1);
    const auto& writer = *std::find_if(writers.begin(), writers.end(), [](const auto& w) { return w != nullptr; });
    for (const auto& [split, image] : sample_places()) write_sample(*writer, plan, split, image);
    writer->finish();
    EXPECT_EQ(GridStore(path()).size(), 5);
    fs::remove(path());
  }
}

TEST_F(GridStorePlaceTest, APlaceIsCheckedWithoutAPlan) {
  const GridStorePlan plan = sample_plan();
  const auto refusal = [](const fs::path& place, bool resume = false) {
    return error_of<std::runtime_error>([&] { check_store_place(place, resume); });
  };
  EXPECT_NO_THROW(check_store_place(path(), false));
  EXPECT_NO_THROW(check_store_place(path(), true));
  EXPECT_EQ(files(), 0);
  EXPECT_EQ(refusal(path("none/G.h5")), path("none/G.h5") + ": cannot be written: No such file or directory");
  write_text(path("letter"), "Dear");
  EXPECT_EQ(refusal(path("letter/G.h5")), path("letter/G.h5") + ": cannot be written: Not a directory");
  EXPECT_THAT(refusal(path("letter")), StartsWith(path("letter") + ": is no HDF5 file (it is not replaced"));
  fs::create_directory(path("folder"));
  EXPECT_THAT(refusal(path("folder")), StartsWith(path("folder") + ": is a folder, not a file (it is not replaced"));
  {
    GridStoreWriter writer(path(), plan);
    write_sample(writer, plan, 0, 0);
    for (const bool resume : {false, true})
      EXPECT_EQ(refusal(path(), resume), path() + ".part: is being written by another process; wait for it");
  }
  EXPECT_THAT(refusal(path()), StartsWith(path() + ".part: is there from a run that was stopped"));
  EXPECT_NO_THROW(check_store_place(path(), true));
  write_sample_store(path("whole.h5"));
  EXPECT_NO_THROW(check_store_place(path("whole.h5"), false));
}

}  // namespace
}  // namespace data
