// Image files to pixels and back. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core/mat.hpp>

#include "vision/image_header.h"

namespace vision {

/// Images with more pixels are refused unread: the decoded picture would take over half a gigabyte.
inline constexpr int64_t kMaxPixels = 178'956'970;

/// Reads a JPEG, PNG, BMP or WebP file as 8-bit RGB (H, W, 3), whatever its own form: the EXIF orientation is applied;
/// grey and palette images are spread over three channels; an alpha channel is dropped, as Pillow's convert("RGB")
/// does; CMYK is converted; of 16 bits the upper 8 are kept. The kind of file is told by its first bytes, not by its
/// name. Throws std::runtime_error (one line: path, what, what to do) for a file that is missing, empty, none of these
/// kinds, truncated or damaged, and for one over kMaxPixels. Safe to call from several threads.
cv::Mat read_image(const std::filesystem::path& path);

/// What a file says of itself, its structure walked to the end as read_image does before it decodes: a truncated or
/// foreign file throws the same error. Damage within the compressed data of a JPEG is found by decoding alone.
ImageHeader check_image_file(const std::filesystem::path& path);

/// What a file says of itself, of which no more is read than image_header does: mostly a thousand bytes. Its extent is
/// that of the picture which read_image gives. Throws the same errors as far as it sees their cause. Safe to call from
/// several threads.
ImageHeader read_image_header(const std::filesystem::path& path);

/// Writes 8-bit RGB (H, W, 3) as PNG, whole or not at all. Throws std::invalid_argument for another kind of matrix and
/// std::runtime_error with the path where it cannot be written.
void write_png(const std::filesystem::path& path, const cv::Mat& rgb);

}  // namespace vision
