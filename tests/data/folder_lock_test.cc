#include "data/folder_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

std::string error(const fs::path& folder) {
  return error_of<std::runtime_error>([&] { FolderLock{folder}; });
}

TEST(FolderLock, HoldsAFolderUntilItEnds) {
  const TemporaryFolder folder;
  {
    const FolderLock lock(folder.path());
    EXPECT_THAT(error(folder.path()), HasSubstr(folder.path().string() + ": another process is writing there"));
  }
  EXPECT_NO_THROW(FolderLock{folder.path()});
}

TEST(FolderLock, GoesWithAProcessThatIsKilled) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(folder.path());
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_NO_THROW(FolderLock{folder.path()});
}

TEST(FolderLock, LeavesNoEmptyFolderThatItMade) {
  const TemporaryFolder folder;
  { const FolderLock lock(folder / "a/b"); }
  EXPECT_FALSE(fs::exists(folder / "a/b"));
  {
    const FolderLock lock(folder / "kept");
    write_file(folder / "kept/file", "");
  }
  EXPECT_TRUE(fs::exists(folder / "kept/file"));
  { const FolderLock lock(folder.path()); }
  EXPECT_TRUE(fs::exists(folder.path()));
}

TEST(FolderLock, FolderThatCannotBeMade) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  EXPECT_THAT(error(folder / "file/inside"), HasSubstr("file/inside: cannot be made: "));
}

}  // namespace
}  // namespace data
