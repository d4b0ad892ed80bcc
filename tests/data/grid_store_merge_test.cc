#include "data/grid_store_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

const std::vector<SamplePlace>& kPlaces = sample_places();

class GridStoreMergeTest : public testing::Test {
 protected:
  std::string path(const std::string& name = "G.h5") const { return (folder_ / name).string(); }
  /// The bytes of a store that was made in one go.
  std::string whole_store() const {
    write_sample_store(path("whole"));
    const std::string bytes = read_file(path("whole"));
    fs::remove(path("whole"));
    return bytes;
  }

 private:
  TemporaryFolder folder_;
};

/// The images of `all` whose places in kPlaces leave `shard` when divided by `shards`.
GridStorePlan shard_of(const GridStorePlan& all, size_t shard, size_t shards) {
  GridStorePlan plan = all;
  plan.splits.clear();
  for (size_t i = shard; i < kPlaces.size(); i += shards) {
    const GridSplitPlan& split = all.splits[kPlaces[i].first];
    if (plan.splits.empty() || plan.splits.back().name != split.name) plan.splits.push_back({split.name, {}});
    plan.splits.back().images.push_back(split.images[kPlaces[i].second]);
  }
  return plan;
}

TEST_F(GridStoreMergeTest, MergedShardsAreTheWholeStore) {
  const std::string whole = whole_store();
  for (const size_t shards : {1, 2, 3, 5}) {
    std::vector<fs::path> paths;
    for (size_t i = 0; i < shards; ++i) {
      paths.insert(paths.begin(), path("shard" + std::to_string(i)));
      write_sample_store(paths.front(), shard_of(sample_plan(), i, shards));
    }
    int64_t heard = 0;
    merge_grid_stores(paths, path(), {.on_image = [&](int64_t done, int64_t total) {
                        EXPECT_EQ(done, ++heard);
                        EXPECT_EQ(total, 5);
                      }});
    EXPECT_EQ(heard, 5);
    EXPECT_TRUE(read_file(path()) == whole) << shards;
    for (const fs::path& shard : paths) fs::remove(shard);
  }
}

TEST_F(GridStoreMergeTest, MergeStoppedIsResumed) {
  const std::string whole = whole_store();
  write_sample_store(path("a"), shard_of(sample_plan(), 0, 2));
  write_sample_store(path("b"), shard_of(sample_plan(), 1, 2));
  const auto stop = [](int64_t done, int64_t) {
    if (done == 3) throw std::runtime_error("stopped");
  };
  EXPECT_THROW(merge_grid_stores({path("a"), path("b")}, path(), {.on_image = stop}), std::runtime_error);
  merge_grid_stores({path("a"), path("b")}, path(), {.resume = true});
  EXPECT_TRUE(read_file(path()) == whole);
}

TEST_F(GridStoreMergeTest, MergeLeavesAbsentImagesOut) {
  const GridStorePlan plan = sample_plan();
  {
    GridStoreWriter writer(path("a"), plan);
    for (const auto& [split, image] : kPlaces) {
      if (split == 0 && image == 0)
        writer.mark_absent(split, image);
      else
        write_sample(writer, plan, split, image);
    }
    writer.finish();
  }
  GridStorePlan repaired = plan;
  repaired.splits = {{"train2014", {plan.splits[0].images[0]}}};
  write_sample_store(path("b"), repaired);
  merge_grid_stores({path("a"), path("b")}, path());
  EXPECT_TRUE(read_file(path()) == whole_store());
}

TEST_F(GridStoreMergeTest, MergeRefusesWhatDoesNotFit) {
  const GridStorePlan plan = sample_plan();
  const GridStorePlan first = shard_of(plan, 0, 2);
  write_sample_store(path("a"), first);
  const auto refusal = [&](const GridStorePlan& other) {
    fs::remove(path("b"));
    write_sample_store(path("b"), other);
    const std::string message = error_of<std::runtime_error>([&] {
      merge_grid_stores({path("a"), path("b")}, path());
    });
    EXPECT_FALSE(fs::exists(path()) || fs::exists(unfinished_path(path())));
    return message;
  };
  EXPECT_EQ(refusal(plan), path("b") + ": has image 9 of train2014, which " + path("a") +
                               " has, too; merge stores of different images");
  GridStorePlan other = shard_of(plan, 1, 2);
  other.channels = 6;
  EXPECT_EQ(refusal(other), path("a") + " has 5 channels of fp16, " + path("b") +
                                " has 6 channels of fp16; only stores made alike can be merged");
  other = shard_of(plan, 1, 2);
  other.provenance.weights_sha256 = "";
  EXPECT_EQ(refusal(other), path("a") + " was made with weights SHA-256 aaaaaaaaaaaa, " + path("b") +
                                " with (unknown); only stores made alike can be merged");
  EXPECT_EQ(error_of<std::invalid_argument>([&] { merge_grid_stores({}, path()); }),
            "merge: there is no store to merge");
}

// The shard was replaced by what it was a part of.
TEST_F(GridStoreMergeTest, MergeLeavesItsSourcesAlone) {
  write_sample_store(path());
  const std::string bytes = read_file(path());
  EXPECT_EQ(error_of<std::runtime_error>([&] { merge_grid_stores({path()}, path()); }),
            path() + ": is one of the stores to merge; choose another place for the result");
  EXPECT_EQ(read_file(path()), bytes);
}

TEST_F(GridStoreMergeTest, MergeRefusesDamage) {
  write_sample_store(path("a"));
  std::string bytes = read_file(path("a"));
  bytes[GridStore(path("a")).find("val2014", 42)->at] ^= 1;
  write_text(path("a"), bytes);
  EXPECT_EQ(error_of<std::runtime_error>([&] { merge_grid_stores({path("a")}, path()); }),
            path("a") + ": image 42 is damaged: its checksum differs; make the store again with vqa extract");
  EXPECT_FALSE(fs::exists(path()));
}

}  // namespace
}  // namespace data
