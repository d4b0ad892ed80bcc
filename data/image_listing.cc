#include "data/image_listing.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <stdexcept>
#include <string_view>

namespace data {
namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 5> kEndings{".jpg", ".jpeg", ".png", ".bmp", ".webp"};

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

/// The place of a picture's ending in kEndings; their number for other files.
size_t rank(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return static_cast<size_t>(std::find(kEndings.begin(), kEndings.end(), ending) - kEndings.begin());
}

}  // namespace

int64_t image_number(const fs::path& path) {
  const std::string stem = path.stem().string();
  const size_t begin = stem.find_last_not_of("0123456789") + 1;  // 0 where there are digits alone
  int64_t id = 0;
  const auto [end, error] = std::from_chars(stem.data() + begin, stem.data() + stem.size(), id);
  if (begin == stem.size() || error != std::errc())
    fail(path, "its name does not end in the image's number, as COCO_val2014_000000000042.jpg does; rename it");
  return id;
}

std::vector<ListedImage> list_images(const fs::path& folder) {
  if (!fs::is_directory(folder)) fail(folder, fs::exists(folder) ? "is no folder" : "does not exist");
  std::error_code error;
  const fs::directory_iterator entries(folder, error);
  if (error) fail(folder, "cannot be listed: " + error.message());
  std::map<int64_t, fs::path> images;
  for (const fs::directory_entry& entry : entries) {
    const fs::path& path = entry.path();
    if (rank(path) == kEndings.size()) continue;
    const auto [found, fresh] = images.try_emplace(image_number(path), path);
    if (fresh) continue;
    fs::path& other = found->second;
    if (other.stem() != path.stem()) {
      fail(std::max(path, other), "has the image's number " + std::to_string(found->first) + ", as " +
                                      std::min(path, other).filename().string() + " has; put them into two folders");
    }
    if (rank(path) < rank(other)) other = path;
  }
  if (images.empty()) fail(folder, "holds no picture; name the folders that do, such as DIR/train2014 DIR/val2014");
  std::vector<ListedImage> listed;
  for (auto& [id, path] : images) listed.push_back({id, std::move(path)});
  return listed;
}

std::string folder_name(const fs::path& folder) {
  const fs::path whole = fs::weakly_canonical(folder);
  const std::string name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  if (name.empty()) fail(folder, "has no name to call a split of the store by; name another folder");
  return name;
}

}  // namespace data
