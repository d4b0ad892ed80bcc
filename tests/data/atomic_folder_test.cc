#include "data/atomic_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <stdexcept>

#include "data/atomic_file.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;

int64_t entries(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), {}); }

TEST(AtomicFolder, AppearsOnCommit) {
  const TemporaryFolder root;
  AtomicFolder folder(root / "a/b/");
  write_file(folder.path() / "file", "new");
  EXPECT_FALSE(fs::exists(root / "a/b"));
  folder.commit();
  EXPECT_EQ(read_file(root / "a/b/file"), "new");
  EXPECT_EQ(entries(root / "a"), 1);
}

TEST(AtomicFolder, LeavesTheOldOneWithoutCommit) {
  const TemporaryFolder root;
  fs::create_directory(root / "a");
  write_file(root / "a/file", "old");
  { write_file(AtomicFolder(root / "a").path() / "file", "new"); }
  EXPECT_EQ(read_file(root / "a/file"), "old");
  EXPECT_EQ(entries(root.path()), 1);
}

TEST(AtomicFolder, ReplacesTheOldOne) {
  const TemporaryFolder root;
  fs::create_directory(root / "a");
  write_file(root / "a/old", "old");
  AtomicFolder folder(root / "a");
  write_file(folder.path() / "file", "new");
  folder.commit();
  EXPECT_FALSE(fs::exists(root / "a/old"));
  EXPECT_EQ(read_file(root / "a/file"), "new");
  EXPECT_EQ(entries(root.path()), 1);
}

TEST(AtomicFolder, ReplacesWhatALinkNames) {
  const TemporaryFolder root;
  fs::create_directory(root / "a");
  fs::create_directory_symlink(root / "a", root / "link");
  AtomicFolder folder(root / "link");
  write_file(folder.path() / "file", "new");
  folder.commit();
  EXPECT_TRUE(fs::is_symlink(root / "link"));
  EXPECT_EQ(read_file(root / "a/file"), "new");
}

TEST(AtomicFolder, RefusesAFileInItsPlaceOrAbove) {
  const TemporaryFolder root;
  write_file(root / "file", "mine");
  for (const fs::path& path : {root / "file", root / "file/a", root / "file/a/b"}) {
    try {
      AtomicFolder folder(path);
      FAIL() << path;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), testing::StartsWith(path.string() + ": cannot be made: "));
    }
  }
  EXPECT_EQ(read_file(root / "file"), "mine");
  EXPECT_EQ(entries(root.path()), 1);
}

}  // namespace
}  // namespace data
