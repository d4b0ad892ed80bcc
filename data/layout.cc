#include "data/layout.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <stdexcept>

#include "data/settings.h"

namespace data {
namespace fs = std::filesystem;

namespace {

constexpr std::array<SplitLayout, 4> kSplits{{
    {"train", "train2014", "train2014", true},
    {"val", "val2014", "val2014", true},
    {"test", "test2015", "test2015", false},
    {"test-dev", "test-dev2015", "test2015", false},
}};

fs::path plain_or_packed(const fs::path& plain) {
  fs::path packed = plain;
  packed += ".gz";
  return !fs::exists(plain) && fs::exists(packed) ? packed : plain;
}

SplitLayout parse_split(std::string_view name) {
  for (const SplitLayout& split : kSplits) {
    if (name == split.name || name == split.long_name) return split;
  }
  throw std::invalid_argument("split '" + std::string(name) + "' is unknown; allowed are " + listed(names_of(kSplits)) +
                              ", or several joined by '+'");
}

}  // namespace

std::span<const SplitLayout> known_splits() { return kSplits; }

std::vector<SplitLayout> parse_splits(std::string_view names) {
  std::vector<SplitLayout> splits;
  for (size_t begin = 0, end = 0; end != names.npos; begin = end + 1) {
    end = names.find('+', begin);
    const SplitLayout split = parse_split(names.substr(begin, end == names.npos ? end : end - begin));
    for (const SplitLayout& other : splits) {
      if (other.name == split.name) {
        throw std::invalid_argument("split '" + std::string(split.name) + "' stands twice in '" + std::string(names) +
                                    "'");
      }
    }
    splits.push_back(split);
  }
  return splits;
}

fs::path questions_path(const fs::path& dir, const SplitLayout& split) {
  return plain_or_packed(dir / ("v2_OpenEnded_mscoco_" + std::string(split.long_name) + "_questions.json"));
}

fs::path annotations_path(const fs::path& dir, const SplitLayout& split) {
  return plain_or_packed(dir / ("v2_mscoco_" + std::string(split.long_name) + "_annotations.json"));
}

std::string image_file_name(const SplitLayout& split, int64_t image_id, std::string_view extension) {
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), "%012lld", static_cast<long long>(image_id));
  return "COCO_" + std::string(split.image_split) + "_" + digits.data() + std::string(extension);
}

ImageFolder::ImageFolder(const fs::path& dir, const SplitLayout& split)
    : path_(dir / split.image_split), split_(split), exists_(fs::is_directory(path_)) {
  if (!exists_) return;
  const std::string prefix = "COCO_" + std::string(split.image_split) + "_";
  std::error_code error_code;
  const fs::directory_iterator entries(path_, error_code);
  if (error_code) throw std::runtime_error(path_.string() + ": cannot be listed: " + error_code.message());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename().string();
    const bool jpeg = name.ends_with(".jpg");
    if (!name.starts_with(prefix) || !(jpeg || name.ends_with(".png"))) continue;
    int64_t id = 0;
    const char* const last = name.data() + name.size() - 4;
    const auto [end, error] = std::from_chars(name.data() + prefix.size(), last, id);
    // Only names that image_file_name would give: no sign, no missing or further zeros.
    if (error != std::errc() || end != last || id < 0 ||
        image_file_name(split, id, name.substr(name.size() - 4)) != name) {
      continue;
    }
    jpeg_[id] |= jpeg;
  }
}

std::optional<fs::path> ImageFolder::find(int64_t image_id) const {
  const auto found = jpeg_.find(image_id);
  if (found == jpeg_.end()) return std::nullopt;
  return path_ / image_file_name(split_, image_id, found->second ? ".jpg" : ".png");
}

}  // namespace data
