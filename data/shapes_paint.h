// Pictures of the scenes of the shapes set, the same bytes on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/shapes_scene.h"

namespace data {

/// Paints scenes of one layout. Edges are anti-aliased by 8x8 samples a pixel in integer arithmetic alone, so that no
/// library or processor can change a byte.
class ShapesPainter {
 public:
  explicit ShapesPainter(const ShapesLayout& layout);

  /// The picture, rows from the top, RGB, image_size * image_size * 3 bytes.
  std::vector<uint8_t> paint(const ShapesScene& scene) const;

 private:
  /// How many of a pixel's samples an object covers, for each pixel of a square around its centre.
  struct Mask {
    int64_t reach;                 // pixels from the square's centre to its edge
    std::vector<uint8_t> covered;  // (2 * reach + 1)^2, rows from the top
  };
  static Mask make_mask(int64_t shape, int64_t radius);

  ShapesLayout layout_;
  std::vector<Mask> masks_;  // by size, then shape
};

/// An RGB picture (size * size * 3 bytes) as a PNG file whose pixels are stored, not compressed: compressors differ in
/// their bytes from version to version.
std::string stored_png(const std::vector<uint8_t>& rgb, int64_t size);

}  // namespace data
