// The golden cases of vision/.
#pragma once

#include "tests/golden/golden.h"

namespace golden {

std::vector<Comparison> resnet18(const std::filesystem::path& folder, uint32_t salt);
std::vector<Comparison> resnet50(const std::filesystem::path& folder, uint32_t salt);
std::vector<Comparison> resnet101(const std::filesystem::path& folder, uint32_t salt);
std::vector<Comparison> resnet152(const std::filesystem::path& folder, uint32_t salt);
std::vector<Comparison> clip_rn50(const std::filesystem::path& folder, uint32_t salt);
std::vector<Comparison> clip_rn50x4(const std::filesystem::path& folder, uint32_t salt);

/// Decoding and resizing of photographs in `folder`/../vqa2-mini, which have to equal Pillow's.
std::vector<Comparison> pil_resize(const std::filesystem::path& folder, uint32_t salt);

}  // namespace golden
