#include "vision/jpeg.h"

#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it and does not include it
#include <stdexcept>
#include <string>
#include <vector>

#include <jpeglib.h>
// After jpeglib.h, which it extends.
#include <jerror.h>

namespace vision {
namespace {

/// Warnings after which pixels are missing or made up; of all others the picture takes no harm.
bool is_damage(int code) {
  return code == JWRN_ARITH_BAD_CODE || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
         code == JWRN_JPEG_EOF || code == JWRN_MUST_RESYNC;
}

/// libjpeg's way of reporting, replaced: nothing is printed, and an error comes back to where `escape` was set.
/// Exceptions cannot take that way, for it leads through C.
struct Reporter {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer to it points here
  std::jmp_buf escape;
  std::array<char, JMSG_LENGTH_MAX> message;  // of the error, or of the first damage; empty for none

  static Reporter& of(j_common_ptr jpeg) { return *reinterpret_cast<Reporter*>(jpeg->err); }
  static void on_error(j_common_ptr jpeg) {
    (*jpeg->err->format_message)(jpeg, of(jpeg).message.data());
    std::longjmp(of(jpeg).escape, 1);
  }
  static void on_message(j_common_ptr jpeg, int level) {
    constexpr int kWarning = -1;  // higher levels are traces
    if (level == kWarning && is_damage(jpeg->err->msg_code)) on_error(jpeg);
  }
};

/// CMYK with inverted inks, as Adobe's programs write it, to RGB by Pillow's formula; both have the same number of
/// rows.
void cmyk_to_rgb(const uint8_t* inks, int width, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, inks += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - inks[c]) * inks[3] + 128;
      const int shade = (product + (product >> 8)) >> 8;  // product / 255, rounded
      rgb[c] = static_cast<uint8_t>(inks[3] - shade);
    }
  }
}

/// The steps of decoding, each safe to be left by longjmp: they hold nothing that would have to be destroyed.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {
    jpeg_.err = jpeg_std_error(&reporter_.base);
    reporter_.base.error_exit = Reporter::on_error;
    reporter_.base.emit_message = Reporter::on_message;
    reporter_.base.output_message = [](j_common_ptr) {};
  }
  ~Decoder() { jpeg_destroy_decompress(&jpeg_); }
  Decoder(const Decoder&) = delete;

  /// False where libjpeg gave up; message() tells why.
  bool begin() {
    if (setjmp(reporter_.escape) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    jpeg_read_header(&jpeg_, TRUE);
    is_cmyk_ = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    jpeg_.out_color_space = is_cmyk_ ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&jpeg_);
    return true;
  }

  /// Into `rgb`, which has to have size(); `inks` has to hold a row of CMYK where is_cmyk().
  bool read(cv::Mat& rgb, std::vector<uint8_t>& inks) {
    if (setjmp(reporter_.escape) != 0) return false;
    while (jpeg_.output_scanline < jpeg_.output_height) {
      uint8_t* row = rgb.ptr(static_cast<int>(jpeg_.output_scanline));
      uint8_t* into = is_cmyk_ ? inks.data() : row;
      jpeg_read_scanlines(&jpeg_, &into, 1);
      if (is_cmyk_) cmyk_to_rgb(inks.data(), rgb.cols, row);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  cv::Size size() const { return {static_cast<int>(jpeg_.output_width), static_cast<int>(jpeg_.output_height)}; }
  bool is_cmyk() const { return is_cmyk_; }
  const char* message() const { return reporter_.message.data(); }

 private:
  std::string_view bytes_;
  Reporter reporter_{};
  jpeg_decompress_struct jpeg_{};
  bool is_cmyk_ = false;
};

[[noreturn]] void fail(const Decoder& decoder) {
  throw std::runtime_error("damaged JPEG: " + std::string(decoder.message()) + "; copy or download the picture again");
}

}  // namespace

cv::Mat decode_jpeg(std::string_view bytes) {
  Decoder decoder(bytes);
  if (!decoder.begin()) fail(decoder);
  cv::Mat rgb(decoder.size(), CV_8UC3);
  std::vector<uint8_t> inks(decoder.is_cmyk() ? 4 * static_cast<size_t>(rgb.cols) : 0);
  if (!decoder.read(rgb, inks)) fail(decoder);
  return rgb;
}

}  // namespace vision
