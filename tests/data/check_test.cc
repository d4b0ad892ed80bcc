#include "data/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/small_set.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CheckTest : public testing::Test {
 protected:
  CheckTest() {
    write_split(dir_, "train2014", {{1001, 1, "red"}, {2001, 2, "Red."}, {1002, 1, "blue"}});
    write_split(dir_, "val2014", {{3001, 3, "green"}});
  }

  const TemporaryFolder folder_;
  const std::filesystem::path& dir_ = folder_.path();
  const std::string annotations_ = (dir_ / "v2_mscoco_train2014_annotations.json").string();
  const std::string questions_ = (dir_ / "v2_OpenEnded_mscoco_train2014_questions.json").string();
};

TEST_F(CheckTest, CountsWhatIsThere) {
  write_questions(dir_, "test2015", {{5001, 5}});
  write_image(dir_, "test2015/COCO_test2015_000000000005.png");
  const DataReport report = check_data(dir_, 2);
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_TRUE(report.ok);
  ASSERT_EQ(report.splits.size(), 3U);
  const SplitReport& train = report.splits[0];
  EXPECT_EQ(train.name, "train2014");
  EXPECT_EQ(train.questions, 3);
  EXPECT_EQ(train.annotations, 3);
  EXPECT_EQ(train.answers, 30);
  EXPECT_EQ(train.images, 2);
  EXPECT_EQ(train.images_present, 2);
  EXPECT_FALSE(report.splits[2].has_annotations_file);
  EXPECT_EQ(report.splits[2].images_present, 1);
  EXPECT_EQ(report.kept_answers, 1);
  EXPECT_NEAR(report.covered_questions, 2.0 / 3, 1e-12);
}

TEST_F(CheckTest, SaysItAsText) {
  EXPECT_EQ(to_text(check_data(dir_, 2)),
            dir_.string() +
                "\n"
                "split           questions  annotations      answers       images  image files\n"
                "train2014               3            3           30            2            2\n"
                "val2014                 1            1           10            1            1\n"
                "answers that occur at least 2 times in training: 1, the answer to 66.7 % of the training questions\n"
                "no problems\n");
  DataReport report;
  report.dir = "d";
  report.splits.push_back({"val2014", false, 1'234'567, 0, 0, 999, 1000});
  report.problems = {"d/x: is empty"};
  EXPECT_EQ(to_text(report),
            "d\n"
            "split           questions  annotations      answers       images  image files\n"
            "val2014         1,234,567         none         none          999        1,000\n"
            "problems:\n"
            "  d/x: is empty\n");
}

TEST_F(CheckTest, ReportsAllProblemsNotTheFirst) {
  write_questions(dir_, "train2014", {{1001, 1}, {2001, 2}, {1002, 1}, {1001, 1}, {3001, 9}});
  write_annotations(dir_, "train2014", {{1001, 1}, {1001, 1}, {2001, 1}, {4001, 4}, {3001, 9}});
  write_text(dir_ / "v2_mscoco_val2014_annotations.json", "{\"annotations\": [");
  const DataReport report = check_data(dir_);
  EXPECT_FALSE(report.ok);
  EXPECT_THAT(
      report.problems,
      ElementsAre(
          questions_ + ": question 1001 stands twice",
          (dir_ / "train2014/COCO_train2014_000000000009.jpg").string() + ": missing, the image of question 3001",
          annotations_ + ": question 1001 has two annotations",
          annotations_ + ": annotation of question 2001 is about image 1, the question about image 2",
          annotations_ + ": annotation of question 4001: there is no such question",
          annotations_ + ": question 1002 has no annotation", HasSubstr("question 3001 stands in train2014 too"),
          HasSubstr("v2_mscoco_val2014_annotations.json: is no JSON: it ends early")));
  EXPECT_EQ(report.splits[1].questions, 1);
}

TEST_F(CheckTest, ReportsBadRecordsAndGoesOn) {
  write_text(questions_, R"({"questions": [{"question_id": 1001, "image_id": 1, "question": "Is it?"},
      {"question_id": "2001", "image_id": 2, "question": "Is it?"}, {"question_id": 1002, "image_id": 1, "question": ""}]})");
  const DataReport report = check_data(dir_);
  EXPECT_THAT(report.problems,
              ElementsAre(HasSubstr("questions[1] (byte 82) 'question_id' is a string, not an integer"),
                          questions_ + ": question 1002 is empty",
                          annotations_ + ": annotation of question 2001: there is no such question"));
  EXPECT_EQ(report.splits[0].questions, 2);
}

TEST_F(CheckTest, CountsFurtherProblemsOfAKind) {
  std::vector<SmallQuestion> questions;
  for (int64_t i = 1; i <= 100; ++i) questions.push_back({1000 * i, i});
  write_questions(dir_, "train2014", questions);
  const DataReport report = check_data(dir_);
  EXPECT_THAT(report.problems, Contains((dir_ / "train2014").string() + ": further missing images: 93"));
  EXPECT_LT(report.problems.size(), 20U);
}

TEST_F(CheckTest, SaysInOneLineThatAFolderOrFileIsMissing) {
  std::filesystem::remove_all(dir_ / "train2014");
  std::filesystem::remove(dir_ / "v2_mscoco_val2014_annotations.json");
  EXPECT_THAT(check_data(dir_).problems,
              ElementsAre((dir_ / "train2014").string() + ": no such folder; its 2 images are missing",
                          HasSubstr("v2_mscoco_val2014_annotations.json: cannot be read: No such file or directory")));
  std::filesystem::remove(questions_);
  EXPECT_THAT(check_data(dir_).problems, Contains(questions_ + ": cannot be read: No such file or directory"));
}

TEST_F(CheckTest, RefusesAFolderThatIsNoneOrHoldsNothing) {
  const TemporaryFolder empty;
  EXPECT_THAT(
      check_data(empty.path()).problems,
      ElementsAre(empty.path().string() + ": holds no questions or annotations; expected is "
                                          "v2_OpenEnded_mscoco_train2014_questions.json or that of another split"));
  EXPECT_EQ(error_of<std::runtime_error>([] { check_data("/nowhere"); }), "/nowhere: is no folder");
  EXPECT_THROW(check_data(dir_, 0), std::invalid_argument);
}

}  // namespace
}  // namespace data
