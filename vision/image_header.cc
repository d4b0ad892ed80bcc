#include "vision/image_header.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "vision/image.h"

namespace vision {
namespace {

constexpr const char* kAgain = "; copy or download the picture again";

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + kAgain); }

[[noreturn]] void fail_truncated(std::string_view format, size_t size, const char* lacks) {
  fail("truncated " + std::string(format) + ": ends at byte " + std::to_string(size) + " without " + lacks);
}

/// Whole numbers at a place of the file; reading past the end is what a truncated file means.
class Bytes {
 public:
  Bytes(std::string_view bytes, std::string_view format) : bytes_(bytes), format_(format) {}

  size_t size() const { return bytes_.size(); }
  std::string_view text(size_t at, size_t count) const {
    if (at > size() || count > size() - at) fail_truncated(format_, size(), "the rest");
    return bytes_.substr(at, count);
  }
  int64_t big_endian(size_t at, size_t count) const {
    int64_t value = 0;
    for (const char byte : text(at, count)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  int64_t little_endian(size_t at, size_t count) const {
    const std::string_view digits = text(at, count);
    int64_t value = 0;
    for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
    return value;
  }

 private:
  std::string_view bytes_;
  std::string_view format_;
};

void check_size(const ImageHeader& header) {
  const std::string size = std::to_string(header.width) + " x " + std::to_string(header.height) + " pixels";
  if (header.width < 1 || header.height < 1) fail("damaged " + std::string(header.format) + ": says it has " + size);
  if (header.width > kMaxPixels / header.height) {
    throw std::runtime_error("has " + size + ", more than the limit of " + std::to_string(kMaxPixels) +
                             " in all; make it smaller");
  }
}

/// Stands before EXIF data in a JPEG; some writers keep it in a WebP.
constexpr std::string_view kExifIntroduction("Exif\0\0", 6);

/// The orientation, 1 to 8, in the first directory of EXIF data (a TIFF file's structure); 1 where there is none.
int exif_orientation(std::string_view exif) {
  constexpr int64_t kOrientation = 0x112;
  if (exif.starts_with(kExifIntroduction)) exif.remove_prefix(kExifIntroduction.size());
  const bool little = exif.starts_with("II");
  const Bytes bytes(exif, "EXIF data");
  const auto number = [&](size_t at, size_t count) {
    return little ? bytes.little_endian(at, count) : bytes.big_endian(at, count);
  };
  try {
    const auto directory = static_cast<size_t>(number(4, 4));
    const int64_t entries = number(directory, 2);
    for (int64_t i = 0; i < entries; ++i) {
      const size_t entry = directory + 2 + 12 * static_cast<size_t>(i);
      if (number(entry, 2) != kOrientation) continue;
      const int64_t orientation = number(entry + 8, 2);
      return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
    }
  } catch (const std::runtime_error&) {
    return 1;  // broken notes are no reason to refuse a picture
  }
  return 1;
}

/// The place of the marker that ends the entropy-coded data at `at`: within it, 0xFF is followed by 0 or a restart.
size_t skip_jpeg_scan(std::string_view bytes, size_t at) {
  while (true) {
    const void* found = at < bytes.size() ? std::memchr(bytes.data() + at, 0xFF, bytes.size() - at) : nullptr;
    if (found == nullptr) fail_truncated(kJpeg, bytes.size(), "an end-of-image marker");
    at = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    const unsigned next = at + 1 < bytes.size() ? static_cast<unsigned char>(bytes[at + 1]) : 0;
    if (next != 0 && (next < 0xD0 || next > 0xD7)) return at;
    at += next == 0 && at + 1 >= bytes.size() ? 1 : 2;
  }
}

bool is_jpeg_frame(int64_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

ImageHeader check_jpeg(std::string_view content) {
  const Bytes bytes(content, kJpeg);
  ImageHeader header{kJpeg};
  bool has_scan = false, has_exif = false;
  for (size_t at = 2;;) {
    // Decoders skip stray bytes between segments; skip_jpeg_scan does the same from a segment's end.
    at = skip_jpeg_scan(content, at);
    const int64_t marker = bytes.big_endian(at + 1, 1);
    if (marker == 0xFF || marker == 0x01) {
      at += marker == 0xFF ? 1 : 2;
      continue;
    }
    if (marker == 0xD9) break;
    const int64_t length = bytes.big_endian(at + 2, 2);
    const std::string_view segment = bytes.text(at + 2, static_cast<size_t>(length));
    if (is_jpeg_frame(marker) && header.width == 0) {
      header.height = bytes.big_endian(at + 5, 2);
      header.width = bytes.big_endian(at + 7, 2);
      check_size(header);
    }
    has_scan = has_scan || marker == 0xDA;
    if (marker == 0xE1 && !has_exif &&
        segment.substr(std::min<size_t>(2, segment.size())).starts_with(kExifIntroduction)) {
      has_exif = true;
      header.orientation = exif_orientation(segment.substr(2));
    }
    at += 2 + static_cast<size_t>(length);
  }
  if (header.width == 0 || !has_scan) fail("damaged JPEG: it holds no picture");
  return header;
}

ImageHeader check_png(std::string_view content) {
  const Bytes bytes(content, kPng);
  ImageHeader header{kPng};
  for (size_t at = 8;;) {
    if (at >= bytes.size()) fail_truncated(kPng, bytes.size(), "its IEND chunk");
    const auto length = static_cast<size_t>(bytes.big_endian(at, 4));
    const std::string_view chunk = bytes.text(at + 4, 4 + length);
    if (at == 8) {
      if (chunk.substr(0, 4) != "IHDR" || length != 13) fail("damaged PNG: its first chunk is no IHDR");
      header.width = bytes.big_endian(at + 8, 4);
      header.height = bytes.big_endian(at + 12, 4);
      check_size(header);
    }
    const int64_t sum = bytes.big_endian(at + 8 + length, 4);
    if (static_cast<int64_t>(crc32_z(0, reinterpret_cast<const Bytef*>(chunk.data()), chunk.size())) != sum)
      fail("damaged PNG: wrong checksum of the chunk at byte " + std::to_string(at));
    if (chunk.substr(0, 4) == "eXIf") header.orientation = exif_orientation(chunk.substr(4));
    if (chunk.substr(0, 4) == "IEND") return header;
    at += 12 + length;
  }
}

ImageHeader check_bmp(std::string_view content) {
  const Bytes bytes(content, kBmp);
  ImageHeader header{kBmp};
  const bool old = bytes.little_endian(14, 4) == 12;
  header.width = bytes.little_endian(18, old ? 2 : 4);
  header.height = bytes.little_endian(old ? 20 : 22, old ? 2 : 4);
  if (!old && header.height >= int64_t{1} << 31) header.height = (int64_t{1} << 32) - header.height;  // stored top down
  check_size(header);
  const int64_t bits = bytes.little_endian(old ? 24 : 28, 2);
  const int64_t compression = old ? 0 : bytes.little_endian(30, 4);
  constexpr int64_t kBitFields = 3;
  if (compression != 0 && compression != kBitFields) return header;  // run lengths: the decoder finds their end
  const int64_t row = (header.width * bits + 31) / 32 * 4;
  if (bytes.little_endian(10, 4) + row * header.height > static_cast<int64_t>(bytes.size()))
    fail_truncated(kBmp, bytes.size(), "all of its rows");
  return header;
}

int webp_orientation(const Bytes& bytes) {
  constexpr size_t kFirstChunk = 12;
  for (size_t at = kFirstChunk; at + 8 <= bytes.size();) {
    const auto length = static_cast<size_t>(bytes.little_endian(at + 4, 4));
    if (bytes.text(at, 4) == "EXIF" && length <= bytes.size() - at - 8)
      return exif_orientation(bytes.text(at + 8, length));
    at += 8 + length + length % 2;
  }
  return 1;
}

ImageHeader check_webp(std::string_view content) {
  const Bytes bytes(content, kWebp);
  ImageHeader header{kWebp};
  if (bytes.little_endian(4, 4) + 8 > static_cast<int64_t>(bytes.size()))
    fail_truncated(kWebp, bytes.size(), "all that its header promises");
  const std::string_view chunk = bytes.text(12, 4);
  if (chunk == "VP8X") {
    header.width = bytes.little_endian(24, 3) + 1;
    header.height = bytes.little_endian(27, 3) + 1;
    header.orientation = webp_orientation(bytes);
  } else if (chunk == "VP8L") {
    const int64_t packed = bytes.little_endian(21, 4);
    header.width = (packed & 0x3FFF) + 1;
    header.height = (packed >> 14 & 0x3FFF) + 1;
  } else if (chunk == "VP8 ") {
    header.width = bytes.little_endian(26, 2) & 0x3FFF;
    header.height = bytes.little_endian(28, 2) & 0x3FFF;
  } else {
    fail("damaged WebP: it holds no picture");
  }
  check_size(header);
  return header;
}

}  // namespace

ImageHeader check_image(std::string_view bytes) {
  if (bytes.empty()) fail("the file is empty");
  if (bytes.starts_with("\xFF\xD8\xFF")) return check_jpeg(bytes);
  if (bytes.starts_with("\x89PNG\r\n\x1A\n")) return check_png(bytes);
  if (bytes.starts_with("BM") && bytes.size() > 26) return check_bmp(bytes);
  if (bytes.starts_with("RIFF") && bytes.size() > 12 && bytes.substr(8, 4) == "WEBP") return check_webp(bytes);
  throw std::runtime_error(
      "is no JPEG, PNG, BMP or WebP picture, going by its first bytes; convert it to one of these");
}

}  // namespace vision
