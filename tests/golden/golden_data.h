// The golden cases of data/: VQA-v2's evaluators.
#pragma once

#include "tests/golden/golden.h"

namespace golden {

/// Text clean-up and accuracies under both rules; the error is the share of texts, or the largest difference in percent
/// points, and has to be nothing. The questions lie in `folder`/eval or in vqa2-60k beside `folder`.
std::vector<Comparison> evaluator(const std::filesystem::path& folder, uint32_t salt);

}  // namespace golden
