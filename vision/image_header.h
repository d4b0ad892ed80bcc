// What an image file says of itself, read without decoding it.
#pragma once

#include <cstdint>
#include <string_view>

#include "vision/image_bytes.h"
#include "vision/image_size.h"

namespace vision {

/// The kinds of file, as messages name them.
inline constexpr std::string_view kJpeg = "JPEG", kPng = "PNG", kBmp = "BMP", kWebp = "WebP";

struct ImageHeader {
  std::string_view format;  // kJpeg, kPng, kBmp or kWebp
  int64_t width = 0;        // pixels as stored, before any EXIF orientation
  int64_t height = 0;
  int orientation = 1;  // EXIF orientation, 1 to 8; 1 without one

  /// As the picture is shown: orientations from 5 on swap the sides.
  Extent extent() const { return orientation >= 5 ? Extent{width, height} : Extent{height, width}; }
};

/// Reads kind and size from an image file's bytes and walks its structure to the end: JPEG's segments to the
/// end-of-image marker, PNG's chunks (with their checksums) to IEND, the pixel array of an uncompressed BMP, WebP's
/// RIFF size. Decoders fill the missing part of a truncated file with grey and go on; here it is an error. Throws
/// std::runtime_error saying what is wrong and at which byte, without a path.
ImageHeader check_image(std::string_view bytes);

/// The same of what stands before a picture's data, for which little of a file is read: a JPEG up to its first scan, a
/// PNG without the content of its chunks. What is behind may be damaged, and a JPEG's may be missing.
ImageHeader image_header(ImageBytes& bytes);

}  // namespace vision
