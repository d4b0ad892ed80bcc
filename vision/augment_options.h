// How far pictures are changed at random while a network learns.
#pragma once

namespace vision {

/// Each change is drawn evenly between none and the strength given here; 0 leaves it out, and the defaults change
/// nothing. Text that says left and right, or an order of colours, has to stay true: pictures are never mirrored, and
/// their colours move together.
struct AugmentOptions {
  double crop = 0;        // share of either side that may be cut away, 0 up to but not including 1
  double rotate = 0;      // degrees to either side, 0 to 180
  double brightness = 0;  // share of the range from black to white that all values move by, 0 to 1
  double contrast = 0;    // share by which their distance from grey grows or shrinks, 0 to 1
  bool operator==(const AugmentOptions&) const = default;
};

}  // namespace vision
