#include "data/grid_store_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/grid_store.h"
#include "tests/data/error_of.h"
#include "tests/data/grid_store_sample.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const std::vector<SamplePlace>& kPlaces = sample_places();

class GridStoreWriterTest : public testing::Test {
 protected:
  std::string path(const std::string& name = "G.h5") const { return (folder_ / name).string(); }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  /// The bytes of a store that was made in one go.
  std::string whole_store(const GridStorePlan& plan = sample_plan()) const {
    write_sample_store(path("whole"), plan);
    const std::string bytes = read_file(path("whole"));
    fs::remove(path("whole"));
    return bytes;
  }
  void finish_all(const GridStorePlan& plan, const std::string& name = "G.h5") const {
    GridStoreWriter writer(path(name), plan, {.resume = true});
    for (const auto& [split, image] : kPlaces) {
      if (!writer.written(split, image)) write_sample(writer, plan, split, image);
    }
    writer.finish();
  }

 private:
  TemporaryFolder folder_;
};

/// A copy of the unfinished file, as a program that was killed leaves it: nothing that runs at the end has run.
std::string as_killed(const std::string& path) { return read_file(unfinished_path(path)); }

TEST_F(GridStoreWriterTest, AppearsWhenItIsFinished) {
  const GridStorePlan plan = sample_plan();
  GridStoreWriter writer(path(), plan);
  for (const auto& [split, image] : kPlaces) {
    EXPECT_FALSE(writer.written(split, image));
    write_sample(writer, plan, split, image);
    EXPECT_TRUE(writer.written(split, image));
    EXPECT_FALSE(fs::exists(path()));
  }
  EXPECT_EQ(writer.written(), 5);
  writer.finish();
  EXPECT_TRUE(fs::exists(path()));
  EXPECT_EQ(files(), 1u);
}

TEST_F(GridStoreWriterTest, OrderAndTimeOfWritingLeaveNoTrace) {
  const GridStorePlan plan = sample_plan();
  const std::string whole = whole_store();
  GridStoreWriter writer(path(), plan, {.sync_every = std::chrono::milliseconds(0)});
  for (auto place = kPlaces.rbegin(); place != kPlaces.rend(); ++place)
    write_sample(writer, plan, place->first, place->second);
  writer.finish();
  EXPECT_TRUE(read_file(path()) == whole);
}

TEST_F(GridStoreWriterTest, KilledAfterAnyImageEndsInTheSameBytes) {
  const GridStorePlan plan = sample_plan();
  const std::string whole = whole_store();
  for (const int sync_every : {0, 1'000'000}) {
    for (size_t stop = 0; stop <= kPlaces.size(); ++stop) {
      std::string left;
      {
        GridStoreWriter writer(path(), plan, {.sync_every = std::chrono::milliseconds(sync_every)});
        for (size_t i = 0; i < stop; ++i) write_sample(writer, plan, kPlaces[i].first, kPlaces[i].second);
        left = as_killed(path());
      }
      write_text(unfinished_path(path()), left);
      // Unless every row has been synced, which is all that finishing does but for the name.
      if (stop < kPlaces.size() || sync_every > 0) {
        EXPECT_THROW(GridStore{unfinished_path(path())}, std::runtime_error) << stop;
      }
      GridStoreWriter writer(path(), plan, {.resume = true});
      EXPECT_EQ(writer.written(), static_cast<int64_t>(stop));
      for (size_t i = 0; i < kPlaces.size(); ++i)
        EXPECT_EQ(writer.written(kPlaces[i].first, kPlaces[i].second), i < stop);
      for (size_t i = stop; i < kPlaces.size(); ++i) write_sample(writer, plan, kPlaces[i].first, kPlaces[i].second);
      writer.finish();
      EXPECT_TRUE(read_file(path()) == whole) << stop;
      fs::remove(path());
    }
  }
}

TEST_F(GridStoreWriterTest, StoppedInOrderEndsInTheSameBytes) {
  const GridStorePlan plan = sample_plan();
  const std::string whole = whole_store();
  {
    GridStoreWriter writer(path(), plan);
    write_sample(writer, plan, 1, 0);
  }
  EXPECT_EQ(files(), 1u);
  finish_all(plan);
  EXPECT_TRUE(read_file(path()) == whole);
}

TEST_F(GridStoreWriterTest, FeaturesThatAFailingMachineLostAreWrittenAgain) {
  // Rows are on the disk, features are not: the system had not synced them.
  const GridStorePlan plan = sample_plan();
  const std::string whole = whole_store();
  std::string left;
  {
    GridStoreWriter writer(path(), plan);
    for (const auto& [split, image] : kPlaces) write_sample(writer, plan, split, image);
    left = as_killed(path());
  }
  write_text(unfinished_path(path()), left);
  const GridLayout layout = read_grid_layout(unfinished_path(path()));
  const GridRow& lost = layout.splits[0].rows[1];
  ASSERT_EQ(lost.state, GridState::kWritten);
  std::memset(left.data() + layout.features_at(layout.splits[0], lost), 0, layout.bytes(lost));
  write_text(unfinished_path(path()), left);
  GridStoreWriter writer(path(), plan, {.resume = true});
  EXPECT_EQ(writer.written(), 4);
  EXPECT_FALSE(writer.written(0, 1));
  write_sample(writer, plan, 0, 1);
  writer.finish();
  EXPECT_TRUE(read_file(path()) == whole);
}

TEST_F(GridStoreWriterTest, NothingWrittenLeavesNothing) {
  { GridStoreWriter writer(path(), sample_plan()); }
  EXPECT_EQ(files(), 0u);
}

TEST_F(GridStoreWriterTest, UnfinishedIsNotLostByStartingAnew) {
  const GridStorePlan plan = sample_plan();
  {
    GridStoreWriter writer(path(), plan);
    write_sample(writer, plan, 0, 0);
  }
  EXPECT_EQ(error_of<std::runtime_error>([&] { GridStoreWriter(path(), plan); }),
            path() + ".part: is there from a run that was stopped; go on with --resume, or remove it to start anew");
  finish_all(plan);
}

TEST_F(GridStoreWriterTest, OneProcessWritesAtATime) {
  const GridStorePlan plan = sample_plan();
  GridStoreWriter writer(path(), plan);
  write_sample(writer, plan, 0, 0);
  EXPECT_EQ(error_of<std::runtime_error>([&] { GridStoreWriter(path(), plan, {.resume = true}); }),
            path() + ".part: is being written by another process; wait for it");
  EXPECT_EQ(error_of<std::runtime_error>([&] { GridStoreWriter(path(), plan); }),
            path() + ".part: is being written by another process; wait for it");
  for (size_t i = 1; i < kPlaces.size(); ++i) write_sample(writer, plan, kPlaces[i].first, kPlaces[i].second);
  writer.finish();
}

TEST_F(GridStoreWriterTest, OldStoreStaysUntilTheNewOneIsFinished) {
  GridStorePlan plan = sample_plan();
  write_sample_store(path(), plan);
  const std::string before = read_file(path());
  plan.channels = 7;
  GridStoreWriter writer(path(), plan);
  for (const auto& [split, image] : kPlaces) {
    write_sample(writer, plan, split, image);
    EXPECT_TRUE(read_file(path()) == before);
  }
  writer.finish();
  EXPECT_EQ(GridStore(path()).channels(), 7);
}

TEST_F(GridStoreWriterTest, NoOtherFileIsReplaced) {
  write_text(path(), "a letter");
  EXPECT_EQ(error_of<std::runtime_error>([&] { GridStoreWriter(path(), sample_plan()); }),
            path() + ": is no HDF5 file (it is not replaced: choose another name, or remove it)");
  EXPECT_EQ(read_file(path()), "a letter");
  EXPECT_EQ(error_of<std::runtime_error>([&] { GridStoreWriter(path("none/G.h5"), sample_plan()); }),
            path("none/G.h5") + ": cannot be written: No such file or directory");
  EXPECT_EQ(files(), 1u);
}

TEST_F(GridStoreWriterTest, FullDiskIsToldAtOnce) {
  GridStorePlan plan = sample_plan();
  plan.channels = 1 << 20;
  plan.splits[0].images[0] = {9, 30'000, 30'000};  // 1.9 petabytes
  EXPECT_THAT(
      error_of<std::runtime_error>([&] { GridStoreWriter(path(), plan); }),
      testing::AllOf(StartsWith(path() + ": cannot be written: "),
                     HasSubstr("No space left on device: it takes 1,887,"), HasSubstr(" MB and the disk has ")));
  EXPECT_EQ(files(), 0u);
}

TEST_F(GridStoreWriterTest, AbsentImagesHaveNoCells) {
  const GridStorePlan plan = sample_plan();
  GridStoreWriter writer(path(), plan);
  for (const auto& [split, image] : kPlaces) {
    if (image == 1)
      writer.mark_absent(split, image);
    else
      write_sample(writer, plan, split, image);
  }
  EXPECT_EQ(writer.written(), 3);
  writer.finish();
  const GridStore store(path());
  EXPECT_EQ(store.size(), 3);
  EXPECT_EQ(store.find("train2014", 25), nullptr);
  EXPECT_TRUE(store.absent("train2014", 25));
  EXPECT_FALSE(store.absent("train2014", 9));
  EXPECT_FALSE(store.absent("val2014", 25));
  EXPECT_FALSE(store.absent("test2015", 25));
  EXPECT_EQ(store.splits()[0].absent, std::vector<int64_t>{25});
  EXPECT_EQ(store.splits()[1].absent, std::vector<int64_t>{581929});
  EXPECT_TRUE(find_damaged(store).empty());
}

TEST_F(GridStoreWriterTest, AbsentImagesAreTriedAgain) {
  const GridStorePlan plan = sample_plan();
  const std::string whole = whole_store();
  {
    GridStoreWriter writer(path(), plan);
    write_sample(writer, plan, 0, 0);
    writer.mark_absent(0, 1);
  }
  finish_all(plan);
  EXPECT_TRUE(read_file(path()) == whole);
}

// A resumed run could not decode again what an earlier one had written: the row was lost, and damaged by the next sync.
TEST_F(GridStoreWriterTest, AWrittenImageIsNotAbsent) {
  const GridStorePlan plan = sample_plan();
  {
    GridStoreWriter writer(path(), plan);
    write_sample(writer, plan, 0, 1);
  }
  GridStoreWriter writer(path(), plan, {.resume = true});
  EXPECT_EQ(error_of<std::logic_error>([&] { writer.mark_absent(0, 1); }),
            "grid store: image 25 has been written, it is not absent");
}

TEST_F(GridStoreWriterTest, FinishingTooEarlyIsAMistake) {
  const GridStorePlan plan = sample_plan();
  GridStoreWriter writer(path(), plan);
  write_sample(writer, plan, 0, 0);
  EXPECT_EQ(error_of<std::logic_error>([&] { writer.finish(); }), "grid store: image 25 has not been written");
}

TEST_F(GridStoreWriterTest, AnotherPlanCannotBeResumed) {
  {
    GridStoreWriter writer(path(), sample_plan());
    write_sample(writer, sample_plan(), 0, 0);
  }
  const std::string before = as_killed(path());
  const auto refusal = [&](const std::function<void(GridStorePlan & plan)>& change) {
    GridStorePlan plan = sample_plan();
    change(plan);
    const std::string message =
        error_of<std::invalid_argument>([&] { GridStoreWriter(path(), plan, {.resume = true}); });
    EXPECT_THAT(message, StartsWith(path() + ".part: cannot be resumed: "));
    EXPECT_TRUE(as_killed(path()) == before);
    return message;
  };
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.provenance.image_rule = "clip"; }),
              HasSubstr("it was made with image-rule grid-feats, this run with clip"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.type = GridType::kFloat; }),
              HasSubstr("it was begun with 5 channels of fp16, this run with 5 channels of fp32"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits.pop_back(); }),
              HasSubstr("it was begun with other splits"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[1].name = "xval"; }), HasSubstr("other splits"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[0].images.pop_back(); }),
              HasSubstr("it was begun with 3 images in split 'train2014', this run has 2"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[0].images[1].image_id = 26; }),
              HasSubstr("image 26 in split 'train2014' is another or has another size"));
  EXPECT_THAT(
      refusal([](GridStorePlan& plan) { std::swap(plan.splits[0].images[1].height, plan.splits[0].images[1].width); }),
      HasSubstr("image 25 in split 'train2014' is another or has another size"));
}

TEST_F(GridStoreWriterTest, DamagedUnfinishedStoreIsTold) {
  const GridStorePlan plan = sample_plan();
  {
    GridStoreWriter writer(path(), plan);
    write_sample(writer, plan, 0, 0);
  }
  write_text(unfinished_path(path()), as_killed(path()).substr(0, 500));
  EXPECT_THAT(error_of<std::runtime_error>([&] { GridStoreWriter(path(), plan, {.resume = true}); }),
              StartsWith(path() + ".part: is a truncated or damaged HDF5 file"));
}

TEST_F(GridStoreWriterTest, ImpossiblePlansAreRefused) {
  const auto refusal = [&](const std::function<void(GridStorePlan & plan)>& change) {
    GridStorePlan plan = sample_plan();
    change(plan);
    return error_of<std::invalid_argument>([&] { GridStoreWriter(path(), plan); });
  };
  EXPECT_EQ(refusal([](GridStorePlan& plan) { plan.channels = 0; }), "channels: 0; allowed is 1 or more");
  EXPECT_EQ(refusal([](GridStorePlan& plan) { plan.splits.clear(); }), "grid store: there is no split");
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[0].images.clear(); }), HasSubstr("has no image"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[1].name = "train2014"; }), HasSubstr("stands twice"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[0].name = "a/b"; }), HasSubstr("HDF5 does not allow"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[0].images[1].image_id = 9; }),
              HasSubstr("image 9 of split 'train2014' stands twice or is out of order"));
  EXPECT_THAT(refusal([](GridStorePlan& plan) { plan.splits[0].images[1].height = 0; }), HasSubstr("has no cell"));
  EXPECT_EQ(files(), 0u);
}

/// What Python's h5py or, failing that, HDF5's own tool makes of a store: other programs read it, too.
TEST_F(GridStoreWriterTest, OtherProgramsReadIt) {
  write_sample_store(path());
  const std::string python =
      "python3 -c \"import sys, zlib, h5py, numpy\n"
      "f = h5py.File(sys.argv[1], 'r')\n"
      "assert f.attrs['backbone'] == 'resnet18' and f.attrs['format_version'] == 1\n"
      "i, x = f['train2014/index'], f['train2014/features']\n"
      "assert x.dtype == numpy.float16 and x.shape == (13, 5) and i['image_id'].tolist() == [9, 25, 30]\n"
      "for image in i[:]:\n"
      "  first, h, w = (int(image[n]) for n in ('first_cell', 'height', 'width'))\n"
      "  assert zlib.crc32(x[first:first + h * w].tobytes()) == image['crc32']\n\" " +
      path();
  if (std::system("python3 -c 'import h5py, numpy' 2>/dev/null") == 0) {
    EXPECT_EQ(std::system(python.c_str()), 0);
  } else if (std::system("h5dump --version >/dev/null 2>&1") == 0) {
    const std::string dump = "h5dump -d /train2014/index " + path() + " > " + path("dump");
    EXPECT_EQ(std::system(dump.c_str()), 0);
    EXPECT_THAT(read_file(path("dump")), testing::AllOf(HasSubstr("H5T_STD_I64LE \"image_id\""), HasSubstr("25,")));
  } else {
    GTEST_SKIP() << "needs Python's h5py or h5dump";
  }
}

}  // namespace
}  // namespace data
