// The pictures of a folder, by the numbers in their names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace data {

struct ListedImage {
  int64_t id = 0;
  std::filesystem::path path;
};

/// The number that stands last in a picture's name. Throws std::runtime_error with the path where there is none.
int64_t image_number(const std::filesystem::path& path);

/// The .jpg, .jpeg, .png, .bmp and .webp files of a folder by ascending id: the number that stands last in the name, as
/// in COCO_val2014_000000000042.jpg, 000000000042.jpg and synpic42.jpg. Of one picture in several formats (the names
/// differ in the ending alone) the first in that order is taken. Other files are not looked at. Throws
/// std::runtime_error for a folder that does not exist or holds no picture, a picture whose name does not end in a
/// number, and two with the same.
std::vector<ListedImage> list_images(const std::filesystem::path& folder);

/// The folder's own name ("val2014"), also of "." and of a path with a slash at its end. Throws std::runtime_error for
/// the root.
std::string folder_name(const std::filesystem::path& folder);

}  // namespace data
