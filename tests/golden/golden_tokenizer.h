// The golden case of text/: Hugging Face's AlbertTokenizer.
#pragma once

#include "tests/golden/golden.h"

namespace golden {

/// The ids of `folder`/tokenizer/ids.json with its spiece.model; the error is the share of texts with others, and has
/// to be nothing. No weights, so no salt.
std::vector<Comparison> tokenizer(const std::filesystem::path& folder, uint32_t salt);

}  // namespace golden
