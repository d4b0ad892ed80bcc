// Names of files in VQA-v2's own layout, as people unpack it into one folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace data {

struct SplitLayout {
  std::string_view name;         // "val"
  std::string_view long_name;    // "val2014", as in the names of files
  std::string_view image_split;  // whose images it asks about: its own, but test-dev2015 asks about test2015's
  bool annotated;                // the data set publishes its answers
};

/// train, val, test and test-dev.
std::span<const SplitLayout> known_splits();

/// The splits in `names`: one name, short or long, or several joined by '+'. Throws std::invalid_argument that names an
/// unknown or repeated one and what is allowed.
std::vector<SplitLayout> parse_splits(std::string_view names);

/// `{dir}/v2_OpenEnded_mscoco_{split}_questions.json`, or with .gz appended where only that file exists.
std::filesystem::path questions_path(const std::filesystem::path& dir, const SplitLayout& split);

/// `{dir}/v2_mscoco_{split}_annotations.json`, or with .gz appended where only that file exists.
std::filesystem::path annotations_path(const std::filesystem::path& dir, const SplitLayout& split);

/// "COCO_val2014_000000000042" + `extension`.
std::string image_file_name(const SplitLayout& split, int64_t image_id, std::string_view extension = ".jpg");

/// The image files of one split: `{dir}/{split}/COCO_{split}_%012d.jpg` or `.png`. The folder is listed once, on
/// construction; one that does not exist holds no image.
class ImageFolder {
 public:
  ImageFolder(const std::filesystem::path& dir, const SplitLayout& split);

  /// The image's file (.jpg where both exist), or nothing.
  std::optional<std::filesystem::path> find(int64_t image_id) const;

  /// The name that find looks for first.
  std::string file_name(int64_t image_id) const { return image_file_name(split_, image_id); }
  const std::filesystem::path& path() const { return path_; }
  std::string_view name() const { return split_.image_split; }
  bool exists() const { return exists_; }

 private:
  std::filesystem::path path_;
  SplitLayout split_;
  bool exists_ = false;
  std::unordered_map<int64_t, bool> jpeg_;  // by image id: .jpg, else .png
};

}  // namespace data
