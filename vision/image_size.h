// How large a picture is made, as a setting says it. No LibTorch here.
#pragma once

#include <cstdint>
#include <string_view>

namespace vision {

struct Extent {
  int64_t height = 0, width = 0;  // pixels
  bool operator==(const Extent&) const = default;
};

/// Written "448": a square, to whose sides a picture is stretched; "600/1000": the shorter side, and the most that the
/// longer may get, the picture's form kept; "/1000": the longer side, the form kept. Each number is 1 to 8192.
struct ImageSize {
  int64_t square = 0;   // the side; 0 where the form is kept
  int64_t shorter = 0;  // 0 where only the longer side counts
  int64_t longer = 0;

  /// Throws std::invalid_argument "image-size: 'TEXT'; allowed is ...".
  static ImageSize parse(std::string_view text);

  bool is_square() const { return square > 0; }

  /// What a picture of this extent (both at least 1) becomes: each side x is int(x * k + 0.5), at least 1, with
  /// k = shorter / shorter side, or longer / longer side where that is less.
  Extent of(const Extent& picture) const;
};

}  // namespace vision
