#include "data/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <iterator>
#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(AtomicFile, AppearsOnCommitOnly) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("ne");
    file.write("w");
    EXPECT_EQ(read_file(folder / "a"), "old");
    file.commit();
    EXPECT_EQ(read_file(folder / "a"), "new");
  }
  { AtomicFile(folder / "a").write("newer"); }
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(RenameUnlessThere, LeavesWhatIsThere) {
  const TemporaryFolder folder;
  write_file(folder / "a", "first");
  write_file(folder / "b", "second");
  EXPECT_FALSE(rename_unless_there(folder / "a", folder / "b"));
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(read_file(folder / "a"), "first");
  EXPECT_EQ(read_file(folder / "b"), "second");
  EXPECT_TRUE(rename_unless_there(folder / "a", folder / "c"));
  EXPECT_FALSE(fs::exists(folder / "a"));
  EXPECT_EQ(read_file(folder / "c"), "first");
  EXPECT_FALSE(rename_unless_there(folder / "a", folder / "d"));
  EXPECT_EQ(errno, ENOENT);
}

TEST(AtomicFile, KeepsEveryByte) {
  const TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes.push_back(static_cast<char>(i));
  write_file(folder / "a", bytes);
  EXPECT_EQ(read_file(folder / "a"), bytes);
}

TEST(AtomicFile, TemporariesAreKnownByTheirNames) {
  EXPECT_TRUE(is_temporary(temporary_beside("folder/config.json")));
  EXPECT_TRUE(is_temporary("folder/last.tmp123"));
  for (const char* name : {"last", "notes.tmp.md", "page.tmpl", "a.tmp", "a.tmp12b", "x.tmp7/a"}) {
    EXPECT_FALSE(is_temporary(name)) << name;
  }
}

TEST(AtomicFile, ErrorsNameThePath) {
  const TemporaryFolder folder;
  const auto write_error = [](const fs::path& path) {
    return error_of<std::runtime_error>([&] { write_file(path, "text"); });
  };
  EXPECT_EQ(write_error("/dev/full"), "/dev/full: cannot be written: No space left on device");
  EXPECT_EQ(write_error(folder.path()), folder.path().string() + ": is a folder, not a file");
  EXPECT_EQ(write_error(folder / "none/a"),
            (folder / "none/a").string() + ": cannot be written: No such file or directory");
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_file(folder / "none"); }),
            (folder / "none").string() + ": cannot be read: No such file or directory");
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_file(folder.path()); }), HasSubstr("is a folder"));
}

TEST(AtomicFile, CopiesWholeOrNotAtAll) {
  const TemporaryFolder folder;
  write_file(folder / "from", "new");
  write_file(folder / "to", "old");
  data::copy_file(folder / "from", folder / "to");
  EXPECT_EQ(read_file(folder / "to"), "new");
  EXPECT_THROW(data::copy_file(folder / "none", folder / "to"), std::runtime_error);
  EXPECT_EQ(read_file(folder / "to"), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

}  // namespace
}  // namespace data
