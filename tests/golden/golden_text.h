// The golden cases of text/: Hugging Face's AlbertModel.
#pragma once

#include "tests/golden/golden.h"

namespace golden {

/// The last hidden state, by LibTorch's functions and by the kernels for inference. `tag` is "tiny" or "base".
std::vector<Comparison> albert(const std::filesystem::path& folder, uint32_t salt, const std::string& tag);

}  // namespace golden
