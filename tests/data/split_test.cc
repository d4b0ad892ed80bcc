#include "data/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/small_set.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SplitTest : public testing::Test {
 protected:
  SplitTest() {
    write_split(dir_, "train2014", {{1001, 1, "a b"}, {2001, 2, "c"}, {1002, 1, "d"}});
    write_split(dir_, "val2014", {{3001, 3, "e"}});
  }
  std::string error(const std::string& names, const SplitOptions& options = {}) {
    return error_of<std::runtime_error>([&] { Split::open(dir_, names, options); });
  }

  const TemporaryFolder folder_;
  const std::filesystem::path& dir_ = folder_.path();
  const std::string annotations_ = (dir_ / "v2_mscoco_train2014_annotations.json").string();
  const std::string questions_ = (dir_ / "v2_OpenEnded_mscoco_train2014_questions.json").string();
};

TEST_F(SplitTest, GroupsQuestionsByImage) {
  const Split split = Split::open(dir_, "train+val2014");
  EXPECT_EQ(split.name(), "train+val");
  ASSERT_EQ(split.questions().size(), 4U);
  ASSERT_EQ(split.images().size(), 3U);
  EXPECT_THAT(split.images()[0].questions, ElementsAre(0, 2));
  EXPECT_THAT(split.images()[1].questions, ElementsAre(1));
  EXPECT_THAT(split.images()[2].questions, ElementsAre(3));
  EXPECT_EQ(split.images()[0].path, dir_ / "train2014/COCO_train2014_000000000001.jpg");
  EXPECT_EQ(split.images()[2].id, 3);
}

TEST_F(SplitTest, AnnotationsAreParallelToQuestionsWhateverTheirOrder) {
  write_annotations(dir_, "train2014", {{1002, 1, "d"}, {1001, 1, "a b"}, {2001, 2, "c"}});
  const Split split = Split::open(dir_, "train");
  ASSERT_EQ(split.annotations().size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(split.annotations()[i].question_id, split.questions()[i].question_id);
  EXPECT_EQ(split.annotations()[0].multiple_choice_answer, "a b");
}

TEST_F(SplitTest, WithoutAnnotationsIsOpenedWhereTheyAreNotRequired) {
  write_questions(dir_, "test-dev2015", {{5001, 5}});
  write_image(dir_, "test2015/COCO_test2015_000000000005.png");
  EXPECT_THAT(error("test-dev"), HasSubstr("v2_mscoco_test-dev2015_annotations.json: cannot be read"));
  const Split test = Split::open(dir_, "test-dev", {.annotations_required = false});
  EXPECT_TRUE(test.annotations().empty());
  EXPECT_EQ(test.images()[0].path, dir_ / "test2015/COCO_test2015_000000000005.png");

  const Split both = Split::open(dir_, "val+test-dev", {.annotations_required = false});
  ASSERT_EQ(both.annotations().size(), 2U);
  EXPECT_EQ(both.annotations()[0].answers.size(), 10U);
  EXPECT_TRUE(both.annotations()[1].answers.empty());
}

TEST_F(SplitTest, RefusesQuestionsAndAnnotationsThatDoNotMatch) {
  write_annotations(dir_, "train2014", {{1001, 1}, {1002, 1}});
  EXPECT_EQ(error("train"), annotations_ + ": question 2001 has no annotation");
  write_annotations(dir_, "train2014", {{1001, 1}, {2001, 2}, {1002, 1}, {4001, 4}});
  EXPECT_EQ(error("train"), annotations_ + ": annotation of question 4001: the questions file has no such question");
  write_annotations(dir_, "train2014", {{1001, 1}, {2001, 2}, {1002, 1}, {2001, 2}});
  EXPECT_EQ(error("train"), annotations_ + ": question 2001 has two annotations");
  write_annotations(dir_, "train2014", {{1001, 1}, {2001, 3}, {1002, 1}});
  EXPECT_EQ(error("train"),
            annotations_ + ": annotation of question 2001 is about image 3, the question about image 2");
}

TEST_F(SplitTest, RefusesRepeatedQuestions) {
  write_split(dir_, "train2014", {{1001, 1}, {1001, 1}});
  EXPECT_EQ(error("train"), questions_ + ": question 1001 stands twice in train");
  write_split(dir_, "train2014", {{3001, 3}});
  EXPECT_THAT(error("train+val"), HasSubstr("question 3001 stands twice in train+val"));
}

TEST_F(SplitTest, RefusesMissingImagesWhereTheyAreRequired) {
  std::filesystem::remove(dir_ / "train2014/COCO_train2014_000000000002.jpg");
  EXPECT_EQ(error("train"), (dir_ / "train2014/COCO_train2014_000000000002.jpg").string() +
                                ": missing, nor is there a .png: the image of question 2001");
  const Split split = Split::open(dir_, "train", {.images_required = false});
  EXPECT_FALSE(split.images()[0].path.empty());
  EXPECT_TRUE(split.images()[1].path.empty());
  std::filesystem::remove_all(dir_ / "train2014");
  EXPECT_EQ(error("train"), (dir_ / "train2014").string() + ": no such folder of images");
  EXPECT_EQ(Split::open(dir_, "train", {.images_required = false}).images().size(), 2U);
}

TEST_F(SplitTest, RefusesMissingFilesAndUnknownNames) {
  EXPECT_THAT(error("test"), HasSubstr("v2_OpenEnded_mscoco_test2015_questions.json: cannot be read: No such file"));
  EXPECT_EQ(error_of<std::runtime_error>([] { Split::open("/nowhere", "train"); }), "/nowhere: is no folder");
  EXPECT_THAT(error_of<std::invalid_argument>([&] { Split::open(dir_, "training"); }),
              HasSubstr("split 'training' is unknown"));
  write_questions(dir_, "train2014", {});
  EXPECT_EQ(error("train"), questions_ + ": holds no questions");
}

}  // namespace
}  // namespace data
