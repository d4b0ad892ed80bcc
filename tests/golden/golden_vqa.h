// The golden cases of the whole model: openvqa's MCAN.
#pragma once

#include "data/tensor_file.h"
#include "tests/golden/golden.h"
#include "vqa/model.h"

namespace golden {

/// Logits, taps, loss and gradient norms. `size` is "tiny", "small" or "large".
std::vector<Comparison> mcan(const std::filesystem::path& folder, uint32_t salt, const std::string& size);

/// openvqa's MCAN of that size, with the words and answers that its golden file was made with.
vqa::ModelOptions mcan_options(const std::string& size);

/// Its weights by openvqa's names.
data::TensorFile mcan_weights(const std::string& size, uint32_t salt);

/// The grid features (count, 2048) of a sample.
torch::Tensor mcan_cells(const std::string& size, int64_t sample, int64_t count, uint32_t salt);

}  // namespace golden
