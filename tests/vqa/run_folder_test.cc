#include "vqa/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/temporary_folder.h"
#include "vqa/trainer.h"

namespace vqa {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class RunFolderTest : public testing::Test {
 protected:
  void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    data::write_file(path, text);
  }
  /// What a finished model is known by, and a run that can be resumed.
  void make_model(const fs::path& folder, const std::string& text) { write(folder / "config.json", text); }
  void make_run(const fs::path& folder, const std::string& text) {
    write(Trainer::last_folder(folder) / "training.safetensors", text);
  }
  std::string error() {
    return error_of<std::runtime_error>([&] { RunFolder::begin(out_); });
  }

  TemporaryFolder folder_;
  fs::path out_ = fs::canonical(folder_.path()) / "m", next_ = out_.string() + ".new";
};

TEST_F(RunFolderTest, WritesBesideAModelUntilItIsFinished) {
  make_model(out_, "old");
  {
    const RunFolder killed = RunFolder::begin(out_.string() + "/");
    EXPECT_EQ(killed.path(), next_);
    make_model(next_, "new");
  }
  const RunFolder run = RunFolder::resume(out_);
  EXPECT_EQ(run.path(), next_);
  EXPECT_EQ(data::read_file(out_ / "config.json"), "old");
  run.finish();
  EXPECT_EQ(data::read_file(out_ / "config.json"), "new");
  EXPECT_FALSE(fs::exists(next_));
  EXPECT_EQ(std::distance(fs::directory_iterator(out_), {}), 1);
}

// A run killed after the new model took its place left the old one beside it: resuming put the old one back.
TEST_F(RunFolderTest, WhatIsLeftOfAReplacedModelIsNoRun) {
  make_model(out_, "new");
  write(out_ / ".unfinished", "");
  make_model(next_, "old");
  make_run(next_, "old");
  {
    const RunFolder run = RunFolder::resume(out_);
    EXPECT_EQ(run.path(), out_);
    run.finish();
  }
  EXPECT_EQ(data::read_file(out_ / "config.json"), "new");
  EXPECT_FALSE(fs::exists(out_ / ".unfinished"));
  EXPECT_THAT(error(), HasSubstr("m.new: is in the way"));
  EXPECT_EQ(data::read_file(next_ / "config.json"), "old");
}

TEST_F(RunFolderTest, AnUnfinishedRunIsNotRemoved) {
  make_model(out_, "old");
  {
    const RunFolder run = RunFolder::begin(out_);
    make_run(next_, "hours of work");
  }
  EXPECT_THAT(error(), HasSubstr("m.new: holds an unfinished run; go on with it by --resume"));
  EXPECT_TRUE(Trainer::resumable(next_));
}

TEST_F(RunFolderTest, ARunThatSavedNothingLeavesNothing) {
  make_model(out_, "old");
  { const RunFolder run = RunFolder::begin(out_); }
  EXPECT_FALSE(fs::exists(next_));
}

TEST_F(RunFolderTest, FilesThatAreNotAModelsAreNotLost) {
  make_model(out_, "old");
  write(out_ / "results.json", "[]");
  EXPECT_THAT(error(), HasSubstr("m/results.json: is not a model's"));
  fs::remove(out_ / "results.json");
  write(out_ / "notes.tmp.md", "");
  EXPECT_THAT(error(), HasSubstr("m/notes.tmp.md: is not a model's"));
  fs::remove_all(out_);
  write(out_, "a file");
  EXPECT_THAT(error(), HasSubstr("m: is a file"));
}

// Two runs in one folder overwrote each other's states.
TEST_F(RunFolderTest, OneRunAtATime) {
  const RunFolder run = RunFolder::begin(out_);
  EXPECT_THAT(error(), HasSubstr("m: another process is writing there"));
  EXPECT_THROW(RunFolder::resume(out_), std::runtime_error);
}

TEST_F(RunFolderTest, ALinkStaysALink) {
  make_model(folder_ / "elsewhere", "old");
  fs::create_directory_symlink(folder_ / "elsewhere", out_);
  const RunFolder run = RunFolder::begin(out_);
  make_model(run.path(), "new");
  run.finish();
  EXPECT_TRUE(fs::is_symlink(out_));
  EXPECT_EQ(data::read_file(out_ / "config.json"), "new");
}

}  // namespace
}  // namespace vqa
