#include "data/shapes_paint.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace data {
namespace {

constexpr int64_t kUnit = 1024;  // outlines are given for a radius of 1024
constexpr int64_t kSamples = 8;  // per pixel and axis; a sample stands at odd sixteenths of a pixel

struct Point {
  int64_t x, y;
};
constexpr std::array<Point, 4> kSquare = {{{-1000, -1000}, {1000, -1000}, {1000, 1000}, {-1000, 1000}}};
constexpr std::array<Point, 3> kTriangle = {{{0, -980}, {1000, 800}, {-1000, 800}}};

/// Even-odd rule: how many edges a ray from `p` to the right crosses. `radius` scales the outline.
bool inside(std::span<const Point> outline, Point p, int64_t radius) {
  bool odd = false;
  for (size_t i = 0; i < outline.size(); ++i) {
    const Point a = {outline[i].x * radius, outline[i].y * radius};
    const Point& next = outline[(i + 1) % outline.size()];
    const Point b = {next.x * radius, next.y * radius};
    if ((a.y > p.y) == (b.y > p.y)) continue;
    const int64_t side = (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
    if (b.y > a.y ? side > 0 : side < 0) odd = !odd;
  }
  return odd;
}

/// Whether the offset (dx, dy) from the centre, in 1/16 pixel, lies within the shape.
bool covers(int64_t shape, int64_t dx, int64_t dy, int64_t radius) {
  const Point scaled = {dx * kUnit, dy * kUnit};
  switch (shape) {
    case 0:
      return dx * dx + dy * dy <= radius * radius;
    case 1:
      return inside(kSquare, scaled, radius);
    default:
      return inside(kTriangle, scaled, radius);
  }
}

void append_big_endian(std::string& bytes, uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
}

void append_chunk(std::string& png, std::string_view type, std::string_view content) {
  append_big_endian(png, content.size());
  const size_t begin = png.size();
  png.append(type).append(content);
  append_big_endian(png, crc32(0, reinterpret_cast<const Bytef*>(&png[begin]), static_cast<uInt>(png.size() - begin)));
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4).
std::string stored_zlib(const std::string& content) {
  constexpr size_t kLargestBlock = 65535;
  std::string stream = "\x78\x01";
  for (size_t begin = 0; begin < content.size(); begin += kLargestBlock) {
    const size_t size = std::min(kLargestBlock, content.size() - begin);
    stream += static_cast<char>(begin + size == content.size());  // 1 on the last block
    for (const size_t half : {size, ~size}) {
      stream += static_cast<char>(half & 0xff);
      stream += static_cast<char>(half >> 8 & 0xff);
    }
    stream.append(content, begin, size);
  }
  const auto* bytes = reinterpret_cast<const Bytef*>(content.data());
  append_big_endian(stream, adler32(1, bytes, static_cast<uInt>(content.size())));
  return stream;
}

}  // namespace

ShapesPainter::ShapesPainter(const ShapesLayout& layout) : layout_(layout) {
  for (size_t size = 0; size < shapes_words(kShapesSize).size(); ++size) {
    for (size_t shape = 0; shape < shapes_words(kShapesShape).size(); ++shape) {
      masks_.push_back(make_mask(static_cast<int64_t>(shape), layout.radius(static_cast<int64_t>(size))));
    }
  }
}

ShapesPainter::Mask ShapesPainter::make_mask(int64_t shape, int64_t radius) {
  Mask mask = {radius / 16 + 1, {}};
  for (int64_t y = -mask.reach; y <= mask.reach; ++y) {
    for (int64_t x = -mask.reach; x <= mask.reach; ++x) {
      uint8_t covered = 0;
      for (int64_t sample = 0; sample < kSamples * kSamples; ++sample) {
        // From the middle of the centre's pixel, which is 8/16 from that pixel's edge.
        const int64_t dx = 16 * x - 8 + 2 * (sample % kSamples) + 1;
        const int64_t dy = 16 * y - 8 + 2 * (sample / kSamples) + 1;
        covered += covers(shape, dx, dy, radius);
      }
      mask.covered.push_back(covered);
    }
  }
  return mask;
}

std::vector<uint8_t> ShapesPainter::paint(const ShapesScene& scene) const {
  constexpr int64_t kAll = kSamples * kSamples;
  std::vector<uint8_t> rgb(3 * layout_.image_size * layout_.image_size);
  for (size_t i = 0; i < rgb.size(); ++i) rgb[i] = scene.background[i % 3];
  for (const ShapesObject& object : scene.objects) {
    const size_t shapes = shapes_words(kShapesShape).size();
    const Mask& mask = masks_[object.value[kShapesSize] * shapes + object.value[kShapesShape]];
    const int64_t side = 2 * mask.reach + 1;
    for (int64_t i = 0; i < side * side; ++i) {
      const int64_t x = object.x - mask.reach + i % side;
      const int64_t y = object.y - mask.reach + i / side;
      uint8_t* pixel = &rgb[3 * (y * layout_.image_size + x)];
      const int64_t covered = mask.covered[i];
      for (size_t channel = 0; channel < 3; ++channel) {
        const int64_t sum = pixel[channel] * (kAll - covered) + object.tone[channel] * covered;
        pixel[channel] = static_cast<uint8_t>((sum + kAll / 2) / kAll);
      }
    }
  }
  return rgb;
}

std::string stored_png(const std::vector<uint8_t>& rgb, int64_t size) {
  std::string header;
  append_big_endian(header, size);
  append_big_endian(header, size);
  header.append("\x08\x02\x00\x00\x00", 5);  // 8 bits, RGB, deflate, filters by row, not interlaced
  std::string rows;
  for (int64_t y = 0; y < size; ++y) {
    rows += '\0';  // filter: none
    rows.append(reinterpret_cast<const char*>(&rgb[3 * size * y]), 3 * size);
  }
  std::string png = "\x89PNG\r\n\x1a\n";
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", stored_zlib(rows));
  append_chunk(png, "IEND", "");
  return png;
}

}  // namespace data
