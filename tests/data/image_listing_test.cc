#include "data/image_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ImageListing : public testing::Test {
 protected:
  void put(const std::string& name) const { write_text(folder_ / name, ""); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  const fs::path& folder() const { return folder_.path(); }
  std::string refusal() const {
    return error_of<std::runtime_error>([&] { list_images(folder()); });
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(ImageListing, TakesTheLastNumberOfAName) {
  for (const char* name : {"COCO_val2014_000000000042.jpg", "000000581929.JPG", "synpic7.png", "page 3 of 12.webp",
                           "x_0.bmp", "9.jpeg", "Thumbs.db", "notes.txt", "list5.json"})
    put(name);
  std::vector<std::pair<int64_t, std::string>> found;
  for (const ListedImage& image : list_images(folder())) found.emplace_back(image.id, image.path.filename().string());
  EXPECT_EQ(found, (std::vector<std::pair<int64_t, std::string>>{{0, "x_0.bmp"},
                                                                 {7, "synpic7.png"},
                                                                 {9, "9.jpeg"},
                                                                 {12, "page 3 of 12.webp"},
                                                                 {42, "COCO_val2014_000000000042.jpg"},
                                                                 {581929, "000000581929.JPG"}}));
}

TEST_F(ImageListing, PrefersJpegOfTheSamePicture) {
  put("a1.png");
  put("a1.jpg");
  put("a1.webp");
  ASSERT_EQ(list_images(folder()).size(), 1u);
  EXPECT_EQ(list_images(folder())[0].path, path("a1.jpg"));
}

TEST_F(ImageListing, RefusesWhatHasNoNumberOfItsOwn) {
  EXPECT_EQ(refusal(),
            folder().string() + ": holds no picture; name the folders that do, such as DIR/train2014 DIR/val2014");
  put("a1.png");
  put("b01.png");
  EXPECT_EQ(refusal(), path("b01.png") + ": has the image's number 1, as a1.png has; put them into two folders");
  fs::remove(path("b01.png"));
  put("1_large.png");
  EXPECT_EQ(refusal(), path("1_large.png") +
                           ": its name does not end in the image's number, as COCO_val2014_000000000042.jpg does; "
                           "rename it");
  fs::remove(path("1_large.png"));
  put("99999999999999999999.png");
  EXPECT_THAT(refusal(), HasSubstr("does not end in the image's number"));
  EXPECT_EQ(error_of<std::runtime_error>([&] { list_images(path("none")); }), path("none") + ": does not exist");
  EXPECT_EQ(error_of<std::runtime_error>([&] { list_images(path("a1.png")); }), path("a1.png") + ": is no folder");
}

TEST_F(ImageListing, FoldersAreCalledByTheirOwnName) {
  fs::create_directory(path("val2014"));
  EXPECT_EQ(folder_name(path("val2014")), "val2014");
  EXPECT_EQ(folder_name(path("val2014/")), "val2014");
  EXPECT_EQ(folder_name(path("val2014/.")), "val2014");
  EXPECT_EQ(folder_name(path("val2014/../val2014")), "val2014");
  EXPECT_THAT(error_of<std::runtime_error>([] { folder_name("/"); }), HasSubstr("has no name"));
}

TEST_F(ImageListing, APictureThatIsNotThereHasANumberToo) {
  EXPECT_EQ(image_number("val2014/COCO_val2014_000000000042.jpg"), 42);
  EXPECT_THAT(error_of<std::runtime_error>([] { image_number("val2014/cat.jpg"); }), HasSubstr("val2014/cat.jpg"));
}

}  // namespace
}  // namespace data
