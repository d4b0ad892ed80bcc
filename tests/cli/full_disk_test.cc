// A disk that fills up.
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/cli/cli_test.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FullDiskTest : public CliTest {
 protected:
  void TearDown() override {
    if (mounted_) ::umount2((*this / "disk").c_str(), MNT_DETACH);
  }

  /// Mounts a disk of `kilobytes` at `disk`, for this process and its children alone. False where that is not allowed.
  bool mount_disk(int kilobytes) {
    fs::create_directory(*this / "disk");
    const std::string size = "size=" + std::to_string(kilobytes) + "k";
    mounted_ = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("none", (*this / "disk").c_str(), "tmpfs", 0, size.c_str()) == 0;
    return mounted_;
  }
  static std::string not_allowed() { return std::string("no disk may be mounted here: ") + std::strerror(errno); }

  static void expect_no_temporaries(const std::map<std::string, std::string>& files) {
    for (const auto& [path, what] : files) EXPECT_EQ(path.find(".tmp"), std::string::npos) << path;
  }

 private:
  bool mounted_ = false;
};

TEST_F(FullDiskTest, StandardOutput) {
  give_all();
  for (const std::string command : {"train --help", "eval --model m --data shapes",
                                    "answer --model m --image picture.png --question 'How many?'"}) {
    expect_error(vqa(command, {.out = "/dev/full"}), 1, {"standard output", "disk"});
  }
}

TEST_F(FullDiskTest, DrawingTheShapes) {
  if (!mount_disk(256)) GTEST_SKIP() << not_allowed();
  expect_error(vqa("data shapes --out disk/shapes --images 200 --validation-images 50"), 1,
               {"disk/shapes", "No space"});
  EXPECT_TRUE(listing(*this / "disk").empty());
}

TEST_F(FullDiskTest, DrawingOverAnEarlierSet) {
  if (!mount_disk(256)) GTEST_SKIP() << not_allowed();
  expect_done(vqa("data shapes --out disk/shapes --images 2 --validation-images 1"));
  const auto before = listing(*this / "disk");
  expect_error(vqa("data shapes --out disk/shapes --images 200 --validation-images 50"), 1,
               {"disk/shapes", "No space"});
  expect_same(listing(*this / "disk"), before);
}

TEST_F(FullDiskTest, TrainingANewModel) {
  give_shapes();
  if (!mount_disk(1024)) GTEST_SKIP() << not_allowed();
  const Outcome training = vqa("train --data shapes --out disk/m --epochs 1" + kTiny);
  expect_error_after_progress(training, 1, {"disk/m", "No space"});
  expect_no_temporaries(listing(*this / "disk"));
  EXPECT_FALSE(fs::exists(*this / "disk/m/model.safetensors"));
}

TEST_F(FullDiskTest, TrainingOverAModel) {
  give_all();
  if (!mount_disk(5 * 1024)) GTEST_SKIP() << not_allowed();
  fs::create_directory(*this / "disk/m");
  for (const fs::directory_entry& entry : fs::directory_iterator(*this / "m")) {
    if (entry.is_regular_file()) fs::copy(entry.path(), *this / "disk/m");
  }
  const auto before = listing(*this / "disk/m");
  const Outcome training = vqa("train --data shapes --out disk/m --epochs 1 --seed 2" + kTiny);
  expect_error_after_progress(training, 1, {"disk/m", "No space"});
  expect_same(listing(*this / "disk/m"), before);
  expect_no_temporaries(listing(*this / "disk"));
  expect_done(vqa("answer --model disk/m --image picture.png --question 'How many?'"));
}

TEST_F(FullDiskTest, ExtractingIsRefusedAtTheStart) {
  give_all();
  if (!mount_disk(64)) GTEST_SKIP() << not_allowed();
  expect_error(vqa("extract --backbone resnet-shapes --weights m/model.safetensors --images shapes/train2014"
                   " --image-size 256 --out disk/G.h5"),
               1, {"disk/G.h5: cannot be written: No space left on device: it takes ", " MB and the disk has 1 MB"});
  EXPECT_TRUE(listing(*this / "disk").empty());
}

TEST_F(FullDiskTest, ResultsAndOverlay) {
  give_all();
  if (!mount_disk(4)) GTEST_SKIP() << not_allowed();
  write_text(*this / "disk/full", std::string(4096, 'x'));
  const auto before = listing(*this / "disk");
  for (const std::string command :
       {"eval --model m --data shapes --results disk/r", "eval --model m --data shapes --json disk/r",
        "answer --model m --image picture.png --question 'How many?' --overlay disk/r"}) {
    const Outcome outcome = vqa(command);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, ::testing::StartsWith("vqa: disk/r: "));
    EXPECT_THAT(outcome.err, HasSubstr("No space"));
    EXPECT_EQ(lines(outcome.err).size(), 1u);
  }
  expect_same(listing(*this / "disk"), before);
}

}  // namespace
}  // namespace cli
