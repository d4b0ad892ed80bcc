// The golden cases of the whole model: openvqa's MCAN.
#pragma once

#include "tests/golden/golden.h"

namespace golden {

/// Logits, taps, loss and gradient norms. `size` is "tiny", "small" or "large".
std::vector<Comparison> mcan(const std::filesystem::path& folder, uint32_t salt, const std::string& size);

/// openvqa's name of one of our model's parameters, for a model of given grid features.
std::string openvqa_name(const std::string& ours);

}  // namespace golden
