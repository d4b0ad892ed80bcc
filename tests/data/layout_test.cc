#include "data/layout.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/small_set.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

std::string long_names(std::string_view names) {
  std::string all;
  for (const SplitLayout& split : parse_splits(names)) all.append(split.long_name).append(" ");
  return all;
}

TEST(Layout, KnowsSplitsByShortAndLongNames) {
  EXPECT_EQ(long_names("train"), "train2014 ");
  EXPECT_EQ(long_names("test-dev+val2014+test+train"), "test-dev2015 val2014 test2015 train2014 ");
}

TEST(Layout, RefusesUnknownAndRepeatedSplits) {
  const std::string allowed = " is unknown; allowed are train, val, test, test-dev, or several joined by '+'";
  const auto error = [](const char* names) { return error_of<std::invalid_argument>([&] { parse_splits(names); }); };
  EXPECT_EQ(error("dev"), "split 'dev'" + allowed);
  EXPECT_EQ(error("train+vall"), "split 'vall'" + allowed);
  EXPECT_EQ(error("train+"), "split ''" + allowed);
  EXPECT_EQ(error(""), "split ''" + allowed);
  EXPECT_EQ(error("val+train+val2014"), "split 'val' stands twice in 'val+train+val2014'");
}

TEST(Layout, PrefersPlainFilesToPackedOnes) {
  const TemporaryFolder folder;
  const SplitLayout val = parse_splits("val")[0];
  const auto plain = folder / "v2_mscoco_val2014_annotations.json";
  EXPECT_EQ(annotations_path(folder.path(), val), plain);
  write_text(plain.string() + ".gz", "");
  EXPECT_EQ(annotations_path(folder.path(), val), plain.string() + ".gz");
  write_text(plain, "");
  EXPECT_EQ(annotations_path(folder.path(), val), plain);
  EXPECT_EQ(questions_path("d", parse_splits("test-dev")[0]), "d/v2_OpenEnded_mscoco_test-dev2015_questions.json");
}

TEST(Layout, FindsImagesByTheirId) {
  const TemporaryFolder folder;
  const SplitLayout val = parse_splits("val")[0];
  EXPECT_FALSE(ImageFolder(folder.path(), val).exists());
  for (const char* name : {"000000000042.jpg", "000000000043.png", "000000000044.png", "000000000044.jpg", "45.jpg",
                           "0000000000046.jpg", "000000000047.gif", "-00000000048.jpg"}) {
    write_image(folder.path(), std::string("val2014/COCO_val2014_") + name);
  }
  write_image(folder.path(), "val2014/COCO_train2014_000000000049.jpg");
  const ImageFolder images(folder.path(), val);
  EXPECT_TRUE(images.exists());
  const auto name = [&](int64_t id) { return images.find(id).value_or("none").filename().string(); };
  EXPECT_EQ(images.find(42), folder / "val2014/COCO_val2014_000000000042.jpg");
  EXPECT_EQ(name(43), "COCO_val2014_000000000043.png");
  EXPECT_EQ(name(44), "COCO_val2014_000000000044.jpg");
  for (const int64_t id : {45, 46, 47, 48, -48, 49}) EXPECT_EQ(name(id), "none") << id;
}

TEST(Layout, NamesTestDevsImagesAfterTest) {
  EXPECT_EQ(image_file_name(parse_splits("test-dev")[0], 7), "COCO_test2015_000000000007.jpg");
  EXPECT_EQ(image_file_name(parse_splits("train")[0], 1'234'567'890'123, ".png"), "COCO_train2014_1234567890123.png");
}

}  // namespace
}  // namespace data
