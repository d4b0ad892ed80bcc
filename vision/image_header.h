// What an image file says of itself, read without decoding it.
#pragma once

#include <cstdint>
#include <string_view>

namespace vision {

struct ImageHeader {
  const char* format = "";  // "JPEG", "PNG", "BMP" or "WebP"
  int64_t width = 0;        // pixels as stored, before any EXIF orientation
  int64_t height = 0;
  int webp_orientation = 1;  // EXIF orientation, 1 to 8, of a WebP, which OpenCV does not look at; 1 for other formats
};

/// Reads kind and size from an image file's bytes and walks its structure to the end: JPEG's segments to the
/// end-of-image marker, PNG's chunks (with their checksums) to IEND, the pixel array of an uncompressed BMP, WebP's
/// RIFF size. Decoders fill the missing part of a truncated file with grey and go on; here it is an error. Throws
/// std::runtime_error saying what is wrong and at which byte, without a path.
ImageHeader check_image(std::string_view bytes);

}  // namespace vision
