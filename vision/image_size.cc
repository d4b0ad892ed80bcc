#include "vision/image_size.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "data/settings.h"

namespace vision {
namespace {

constexpr int64_t kLongest = 8192;

/// The whole text as a side in pixels; 0 where it is none.
int64_t side(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 1 && number <= kLongest ? number : 0;
}

}  // namespace

ImageSize ImageSize::parse(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view before = text.substr(0, slash);
  ImageSize size;
  bool good = false;
  if (slash == text.npos) {
    size.square = side(text);
    good = size.square > 0;
  } else {
    size.shorter = side(before);
    size.longer = side(text.substr(slash + 1));
    good = size.longer > 0 && (before.empty() || size.shorter > 0) && size.shorter <= size.longer;
  }
  if (good) return size;
  data::refuse_value("image-size", "'" + std::string(text) + "'",
                     "a square's side (448), a shorter side and the most the longer may get (600/1000), or a longer "
                     "side (/1000), each 1 to " +
                         std::to_string(kLongest) + " pixels");
}

Extent ImageSize::of(const Extent& picture) const {
  if (is_square()) return {square, square};
  const auto [least, most] = std::minmax(picture.height, picture.width);
  double k = static_cast<double>(longer) / static_cast<double>(most);
  if (shorter > 0) k = std::min(k, static_cast<double>(shorter) / static_cast<double>(least));
  const auto scaled = [k](int64_t side) {
    return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(side) * k + 0.5));
  };
  return {scaled(picture.height), scaled(picture.width)};
}

}  // namespace vision
