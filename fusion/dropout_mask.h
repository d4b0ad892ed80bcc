// The mask of hashed dropout, element by element; the same on every device.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "fusion/device_code.h"

namespace fusion {

/// What makes a mask: which elements, of a hash's 2^32 values, are zeroed, and the scale of the others.
struct DropoutMask {
  uint32_t seed = 0;
  uint32_t dropped = 0;  // hashes below this are zeroed
  float scale = 1;       // 1 / (1 - p)

  /// `p` in [0, 1); 0 keeps everything. Throws std::invalid_argument for any other.
  static DropoutMask of(uint32_t seed, double p) {
    if (!(p >= 0 && p < 1))
      throw std::invalid_argument("dropout: " + std::to_string(p) + "; allowed is 0 up to but not including 1");
    const double below = std::min(std::round(p * 0x1p32), 0x1p32 - 1);
    return {seed, static_cast<uint32_t>(below), static_cast<float>(1 / (1 - p))};
  }

  VQA_HOST_DEVICE bool drops() const { return dropped > 0; }

  /// What the element `index` is multiplied by: 0 or the scale. The hash is Chris Wellons's `lowbias32`.
  [[gnu::always_inline]] VQA_HOST_DEVICE float factor(uint32_t index) const {
    uint32_t h = index * 0x9E3779B1u ^ seed;
    h ^= h >> 16;
    h *= 0x7FEB352Du;
    h ^= h >> 15;
    h *= 0x846CA68Bu;
    h ^= h >> 16;
    return h < dropped ? 0.0F : scale;
  }
};

}  // namespace fusion
