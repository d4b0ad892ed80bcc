#include "data/shapes_scene.h"

#include <algorithm>

namespace data {
namespace {

constexpr std::array<std::string_view, 2> kSizes = {"small", "large"};
constexpr std::array<std::string_view, 6> kColors = {"red", "green", "blue", "yellow", "purple", "black"};
constexpr std::array<std::string_view, 3> kShapes = {"circle", "square", "triangle"};
constexpr std::array<ShapesRgb, 6> kTones = {
    {{214, 48, 44}, {42, 160, 72}, {48, 96, 214}, {240, 210, 40}, {146, 62, 176}, {38, 38, 40}}};
constexpr int64_t kToneSpread = 10;  // a channel's largest distance from the colour's own

constexpr int64_t kPlaceTries = 100;  // for one object, before the scene is begun anew

int64_t count(ShapesAttribute attribute) { return static_cast<int64_t>(shapes_words(attribute).size()); }

uint8_t varied(int64_t channel, int64_t spread, ExactRandom& random) {
  return static_cast<uint8_t>(std::clamp<int64_t>(channel + random.between(-spread, spread), 0, 255));
}

bool touch(const ShapesObject& a, const ShapesObject& b, const ShapesLayout& layout) {
  const int64_t sides = layout.radius(a.value[kShapesSize]) + layout.radius(b.value[kShapesSize]);
  const int64_t apart = 16 * std::max(std::abs(a.x - b.x), std::abs(a.y - b.y));
  return apart < sides + layout.cell() * 6 / 64;
}

/// Gives the last object a place free of the others; false where none was found.
bool place_last(ShapesScene& scene, const ShapesLayout& layout, ExactRandom& random) {
  ShapesObject& last = scene.objects.back();
  const int64_t border = layout.radius(last.value[kShapesSize]) / 16 + 2;
  for (int64_t i = 0; i < kPlaceTries; ++i) {
    last.x = random.between(border, layout.image_size - 1 - border);
    last.y = random.between(border, layout.image_size - 1 - border);
    const auto others_end = scene.objects.end() - 1;
    if (std::none_of(scene.objects.begin(), others_end,
                     [&](const ShapesObject& other) { return touch(last, other, layout); })) {
      return true;
    }
  }
  return false;
}

/// Which attributes all objects of a scene share: none in half of the scenes.
std::array<bool, kShapesAttributes> random_sharing(ExactRandom& random) {
  const int64_t roll = random.below(12);
  const bool both = roll == 10 || roll == 11;
  return {false, roll == 6 || roll == 7 || both, roll == 8 || roll == 9 || both};
}

bool fill_scene(ShapesScene& scene, const ShapesLayout& layout, ExactRandom& random) {
  scene.objects.clear();
  const int64_t objects = random.between(layout.min_objects, layout.max_objects);
  const std::array<bool, kShapesAttributes> shared = random_sharing(random);
  for (int64_t i = 0; i < objects; ++i) {
    ShapesObject& object = scene.objects.emplace_back();
    for (const ShapesAttribute attribute : {kShapesSize, kShapesColor, kShapesShape}) {
      object.value[attribute] =
          shared[attribute] && i > 0 ? scene.objects[0].value[attribute] : random.below(count(attribute));
    }
    for (size_t channel = 0; channel < 3; ++channel) {
      object.tone[channel] = varied(kTones[object.value[kShapesColor]][channel], kToneSpread, random);
    }
    if (!place_last(scene, layout, random)) return false;
  }
  return true;
}

}  // namespace

std::span<const std::string_view> shapes_words(ShapesAttribute attribute) {
  if (attribute == kShapesSize) return kSizes;
  if (attribute == kShapesColor) return kColors;
  return kShapes;
}

int64_t ShapesLayout::cell() const {
  int64_t thirds = 8;
  while (3 * thirds * thirds < 64 * max_objects) ++thirds;
  return 16 * image_size * 3 / thirds;
}

int64_t ShapesLayout::radius(int64_t size) const { return cell() * (size == 0 ? 20 : 30) / 64; }

ShapesScene random_shapes_scene(const ShapesLayout& layout, ExactRandom& random) {
  ShapesScene scene;
  const int64_t grey = random.between(214, 242);
  for (uint8_t& channel : scene.background) channel = varied(grey, 6, random);
  while (!fill_scene(scene, layout, random)) continue;
  return scene;
}

std::string describe(const ShapesScene& scene) {
  std::vector<std::string> objects;
  for (const ShapesObject& object : scene.objects) {
    std::string& text = objects.emplace_back();
    for (const ShapesAttribute attribute : {kShapesSize, kShapesColor, kShapesShape}) {
      text += std::string(shapes_words(attribute)[object.value[attribute]]) + " ";
    }
    text += std::to_string(object.x) + "," + std::to_string(object.y);
  }
  std::sort(objects.begin(), objects.end());
  std::string all;
  for (const std::string& text : objects) all += (all.empty() ? "" : "; ") + text;
  return all;
}

}  // namespace data
