// Scenes of the shapes set: what is in a picture, and where.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/exact_random.h"

namespace data {

/// What an object is described by, in the order in which English puts the words ("small red circle").
enum ShapesAttribute { kShapesSize, kShapesColor, kShapesShape, kShapesAttributes };

/// The words of one attribute; an attribute's value is an index into them.
/// Sizes: small, large. Colours: red, green, blue, yellow, purple, black. Shapes: circle, square, triangle.
std::span<const std::string_view> shapes_words(ShapesAttribute attribute);

using ShapesRgb = std::array<uint8_t, 3>;

/// One object. Its outline lies within the square of half-side `ShapesLayout::radius(size)` around its centre.
struct ShapesObject {
  std::array<int64_t, kShapesAttributes> value{};  // by ShapesAttribute
  int64_t x = 0;                                   // centre, pixels from the left
  int64_t y = 0;                                   // centre, pixels from the top
  ShapesRgb tone{};                                // the colour as painted, near the colour's own
};

struct ShapesScene {
  std::vector<ShapesObject> objects;
  ShapesRgb background{};
};

/// How large a scene is and how things lie in it. All lengths but the image's size follow from it and `max_objects`.
struct ShapesLayout {
  int64_t image_size = 64;  // pixels, both sides
  int64_t min_objects = 1;
  int64_t max_objects = 3;

  /// The side, in 1/16 pixel, of the square that one large object and its distance to the next take up: 3/8 of the
  /// image's, less where more than three of them would cover over 27/64 of the image.
  int64_t cell() const;
  /// Half the side of an object's bounding square, in 1/16 pixel. size: 0 small, 1 large.
  int64_t radius(int64_t size) const;
  /// Pixels by which two centres differ at least where a question says left, right, above or below of them.
  int64_t clear_distance() const { return image_size / 8; }
};

/// A scene of min_objects to max_objects objects that do not touch. Half of the scenes repeat a shape, a colour or both
/// in all their objects, so that there are enough large counts to ask for.
ShapesScene random_shapes_scene(const ShapesLayout& layout, ExactRandom& random);

/// What is in the scene and where, tones aside: equal for two scenes exactly if they show the same objects at the same
/// places, in whatever order they are listed.
std::string describe(const ShapesScene& scene);

}  // namespace data
