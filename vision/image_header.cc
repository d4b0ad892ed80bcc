#include "vision/image_header.h"

#include <zlib.h>

#include <algorithm>
#include <optional>
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

/// What of a file is looked at.
enum class Part { kHeader, kAll };

/// Whole numbers at a place of the file; reading past the end is what a truncated file means.
class Bytes {
 public:
  Bytes(ImageBytes& bytes, std::string_view format) : bytes_(bytes), format_(format) {}

  size_t size() const { return bytes_.size(); }
  void require(size_t at, size_t count) const {
    if (at > size() || count > size() - at) fail_truncated(format_, size(), "the rest");
  }
  /// Valid until the next call of anything here.
  std::string_view text(size_t at, size_t count) const {
    require(at, count);
    return bytes_.text(at, count);
  }
  size_t find(char byte, size_t at) const { return bytes_.find(byte, at); }
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
  ImageBytes& bytes_;
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
  ImageBytes notes(exif);
  const Bytes bytes(notes, "EXIF data");
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
size_t skip_jpeg_scan(const Bytes& bytes, size_t at) {
  while (true) {
    at = bytes.find('\xFF', at);
    if (at >= bytes.size()) fail_truncated(kJpeg, bytes.size(), "an end-of-image marker");
    const int64_t next = at + 1 < bytes.size() ? bytes.big_endian(at + 1, 1) : 0;
    if (next != 0 && (next < 0xD0 || next > 0xD7)) return at;
    at += next == 0 && at + 1 >= bytes.size() ? 1 : 2;
  }
}

bool is_jpeg_frame(int64_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// The orientation of a segment with notes, given by the place behind its marker; nothing where it is no EXIF data.
std::optional<int> jpeg_orientation(const Bytes& bytes, size_t at, size_t length) {
  const size_t introduction = kExifIntroduction.size();
  if (length < 2 + introduction || bytes.text(at + 2, introduction) != kExifIntroduction) return std::nullopt;
  return exif_orientation(bytes.text(at + 2, length - 2));
}

ImageHeader check_jpeg(const Bytes& bytes, Part part) {
  ImageHeader header{kJpeg};
  bool has_scan = false;
  std::optional<int> orientation;
  for (size_t at = 2;;) {
    // Decoders skip stray bytes between segments; skip_jpeg_scan does the same from a segment's end.
    at = skip_jpeg_scan(bytes, at);
    const int64_t marker = bytes.big_endian(at + 1, 1);
    if (marker == 0xFF || marker == 0x01) {
      at += marker == 0xFF ? 1 : 2;
      continue;
    }
    if (marker == 0xD9) break;
    const auto length = static_cast<size_t>(bytes.big_endian(at + 2, 2));
    bytes.require(at + 2, length);
    if (is_jpeg_frame(marker) && header.width == 0) {
      header.height = bytes.big_endian(at + 5, 2);
      header.width = bytes.big_endian(at + 7, 2);
      check_size(header);
    }
    has_scan = has_scan || marker == 0xDA;
    if (has_scan && part == Part::kHeader) break;
    // Behind the picture's first data nobody looks for the orientation.
    if (marker == 0xE1 && !has_scan && !orientation) orientation = jpeg_orientation(bytes, at + 2, length);
    at += 2 + length;
  }
  if (header.width == 0 || !has_scan) fail("damaged JPEG: it holds no picture");
  header.orientation = orientation.value_or(1);
  return header;
}

void check_png_sum(const Bytes& bytes, size_t at, size_t length) {
  const int64_t sum = bytes.big_endian(at + 8 + length, 4);
  const std::string_view chunk = bytes.text(at + 4, 4 + length);  // name and content
  if (static_cast<int64_t>(crc32_z(0, reinterpret_cast<const Bytef*>(chunk.data()), chunk.size())) != sum)
    fail("damaged PNG: wrong checksum of the chunk at byte " + std::to_string(at));
}

ImageHeader check_png(const Bytes& bytes, Part part) {
  ImageHeader header{kPng};
  for (size_t at = 8;;) {
    if (at >= bytes.size()) fail_truncated(kPng, bytes.size(), "its IEND chunk");
    const auto length = static_cast<size_t>(bytes.big_endian(at, 4));
    bytes.require(at + 4, 4 + length);
    const std::string name(bytes.text(at + 4, 4));
    if (at == 8) {
      if (name != "IHDR" || length != 13) fail("damaged PNG: its first chunk is no IHDR");
      header.width = bytes.big_endian(at + 8, 4);
      header.height = bytes.big_endian(at + 12, 4);
      check_size(header);
    }
    bytes.require(at + 8 + length, 4);
    if (part == Part::kAll) check_png_sum(bytes, at, length);
    if (name == "eXIf") header.orientation = exif_orientation(bytes.text(at + 8, length));
    if (name == "IEND") return header;
    at += 12 + length;
  }
}

ImageHeader check_bmp(const Bytes& bytes) {
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

ImageHeader check_webp(const Bytes& bytes) {
  ImageHeader header{kWebp};
  if (bytes.little_endian(4, 4) + 8 > static_cast<int64_t>(bytes.size()))
    fail_truncated(kWebp, bytes.size(), "all that its header promises");
  const std::string chunk(bytes.text(12, 4));
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

ImageHeader look_at(ImageBytes& bytes, Part part) {
  constexpr size_t kSignature = 12;  // the longest one's bytes
  if (bytes.size() == 0) fail("the file is empty");
  const std::string begin(bytes.text(0, std::min(bytes.size(), kSignature)));
  if (begin.starts_with("\xFF\xD8\xFF")) return check_jpeg({bytes, kJpeg}, part);
  if (begin.starts_with("\x89PNG\r\n\x1A\n")) return check_png({bytes, kPng}, part);
  if (begin.starts_with("BM") && bytes.size() > 26) return check_bmp({bytes, kBmp});
  if (begin.starts_with("RIFF") && bytes.size() > kSignature && begin.ends_with("WEBP"))
    return check_webp({bytes, kWebp});
  throw std::runtime_error(
      "is no JPEG, PNG, BMP or WebP picture, going by its first bytes; convert it to one of these");
}

}  // namespace

ImageHeader check_image(std::string_view bytes) {
  ImageBytes all(bytes);
  return look_at(all, Part::kAll);
}

ImageHeader image_header(ImageBytes& bytes) { return look_at(bytes, Part::kHeader); }

}  // namespace vision
