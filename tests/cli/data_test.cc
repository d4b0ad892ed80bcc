// vqa data shapes, vqa data check.
#include "tests/cli/cli_test.h"
#include "tests/data/small_set.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DataCommandTest : public CliTest {};

TEST_F(DataCommandTest, ShapesOfOneSeedAreTheSameBytes) {
  const std::string flags = " --images 6 --validation-images 3 --questions-per-image 4 --seed ";
  const Outcome drawing = vqa("data shapes --out a" + flags + "7");
  expect_done(drawing);
  EXPECT_EQ(drawing.err, "");
  EXPECT_THAT(drawing.out, HasSubstr("6 training images with 24 questions, 3 validation images with 12"));
  expect_done(vqa("data shapes --out b" + flags + "7"));
  expect_done(vqa("data shapes --out c" + flags + "8"));
  EXPECT_EQ(listing(*this / "a").size(), 4u + 2 + 9);
  EXPECT_EQ(listing(*this / "a"), listing(*this / "b"));
  EXPECT_NE(listing(*this / "a"), listing(*this / "c"));
}

TEST_F(DataCommandTest, ShapesReplacesAnEarlierSetAndNothingElse) {
  expect_done(vqa("data shapes --out a --images 3 --validation-images 1"));
  expect_done(vqa("data shapes --out a --images 2 --validation-images 1"));
  EXPECT_EQ(listing(*this / "a").size(), 4u + 2 + 3);
  write_text(*this / "a/notes.txt", "mine");
  const auto before = listing(folder());
  expect_error(vqa("data shapes --out a --images 3 --validation-images 1"), 1,
               {"a: ", "name a new or an empty folder"});
  expect_same(listing(folder()), before);
}

TEST_F(DataCommandTest, ShapesWhereNothingCanBeWritten) {
  write_text(*this / "file", "");
  const auto before = listing(folder());
  expect_error(vqa("data shapes --out file/shapes --images 2 --validation-images 1"), 1,
               {"file/shapes", "cannot be made"});
  expect_error(vqa("data shapes --out file --images 2 --validation-images 1"), 1, {"file", "cannot be made"});
  expect_error(vqa("data shapes --out /proc/shapes --images 2 --validation-images 1"), 1, {"/proc/shapes"});
  expect_same(listing(folder()), before);
}

TEST_F(DataCommandTest, CheckPassesAGoodFolder) {
  give_shapes();
  const Outcome check = vqa("data check shapes");
  expect_done(check);
  EXPECT_EQ(check.err, "");
  for (const char* part : {"train2014", "val2014", "320", "3,200", "40", "80", "no problems"}) {
    EXPECT_THAT(check.out, HasSubstr(part));
  }
  EXPECT_EQ(vqa("data check --data shapes").out, check.out);
}

TEST_F(DataCommandTest, CheckTellsEveryProblemByItsId) {
  const fs::path dir = *this / "set";
  fs::create_directory(dir);
  write_split(dir, "train2014", {{11, 1}, {12, 2}, {13, 3}});
  write_annotations(dir, "train2014", {{11, 1}, {12, 9}, {99, 3}});
  fs::remove(dir / "train2014/COCO_train2014_000000000003.jpg");
  const Outcome check = vqa("data check set");
  EXPECT_EQ(check.code, 1);
  for (const char* part : {"000000000003.jpg", "question 13 has no annotation", "annotation of question 99",
                           "annotation of question 12 is about image 9"}) {
    EXPECT_THAT(check.out, HasSubstr(part));
  }
}

TEST_F(DataCommandTest, CheckTellsOfAFileThatCannotBeRead) {
  give_shapes();
  cut_in_half(*this / kValAnnotations);
  const Outcome check = vqa("data check shapes");
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.out + check.err, HasSubstr(kValAnnotations));
  EXPECT_THAT(check.out + check.err, HasSubstr("byte"));
}

TEST_F(DataCommandTest, CheckOfNoFolderOrAnEmptyOne) {
  expect_error(vqa("data check nowhere"), 1, {"nowhere"});
  fs::create_directory(*this / "empty");
  const Outcome check = vqa("data check empty");
  EXPECT_EQ(check.code, 1);
  EXPECT_THAT(check.out + check.err, HasSubstr("v2_OpenEnded_mscoco_train2014_questions.json"));
}

TEST_F(DataCommandTest, ImagesAreCheckedWhereAsked) {
  expect_done(vqa("data shapes --out set --images 4 --validation-images 2"));
  const Outcome whole = vqa("data check set --images");
  expect_done(whole);
  EXPECT_EQ(whole.out, vqa("data check set").out);
  const fs::path truncated = *this / "set/val2014/COCO_val2014_000000000005.png";
  const fs::path foreign = *this / "set/train2014/COCO_train2014_000000000002.png";
  fs::resize_file(truncated, fs::file_size(truncated) / 2);
  write_text(foreign, "<html>404</html>");
  expect_done(vqa("data check set"));
  const Outcome check = vqa("data check set --images");
  EXPECT_EQ(check.code, 1);
  EXPECT_EQ(check.err, "");
  EXPECT_THAT(check.out, HasSubstr("COCO_val2014_000000000005.png: truncated PNG: "));
  EXPECT_THAT(check.out, HasSubstr("COCO_train2014_000000000002.png: is no JPEG, PNG, BMP or WebP picture"));
}

}  // namespace
}  // namespace cli
