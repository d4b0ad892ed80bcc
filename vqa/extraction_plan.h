// Which pictures a grid store is going to hold, known before the first of them is decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/grid_store_writer.h"
#include "vqa/made_ahead.h"

namespace vqa {

/// Letters: H and W pixels of the network's input, h and w grid cells.
struct ExtractedSize {
  int64_t height = 0, width = 0;            // H, W
  int64_t grid_height = 0, grid_width = 0;  // h, w
};

struct ExtractedImage {
  size_t split = 0, image = 0;  // its places in the store's plan
  std::filesystem::path path;
  ExtractedSize size;
};

struct BadImage {
  std::filesystem::path path;
  std::string reason;  // one line that begins with the path
};

/// One of `count` parts of all pictures, by turns.
struct Shard {
  int64_t index = 1;  // 1 to count
  int64_t count = 1;

  /// Of a text such as "2/4". Throws std::invalid_argument "shard: ...".
  static Shard parse(const std::string& text);
};

struct ExtractionPlanOptions {
  Shard shard;
  LoaderOptions loader;
  /// What a picture's header says of it; called by several threads. A std::runtime_error makes it a bad image.
  std::function<ExtractedSize(const std::filesystem::path& path)> size_of;
  std::function<void(int64_t done, int64_t total)> on_image = {};
};

struct ExtractionPlan {
  std::vector<data::GridSplitPlan> splits;  // of the store; each by its folder's name
  std::vector<ExtractedImage> images;       // the same, in the same order
  std::vector<BadImage> bad;                // pictures whose headers tell that they cannot be decoded

  int64_t pictures() const { return static_cast<int64_t>(images.size() + bad.size()); }
};

/// Throws std::runtime_error: no picture can be read, for this reason the first of them.
[[noreturn]] void refuse_all(const BadImage& first);

/// The pictures of some folders (see data::list_images); folders of one name make one split. Throws std::runtime_error
/// as list_images does, for an image number that two folders of one name have, and where no picture is left.
ExtractionPlan plan_extraction(const std::vector<std::filesystem::path>& folders, const ExtractionPlanOptions& options);

}  // namespace vqa
