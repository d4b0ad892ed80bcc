// A bundle's weights as a file for other programs.
#pragma once

#include <string>
#include <vector>

#include "vqa/bundle.h"

namespace vqa {

/// Whose names tensors can have: "own", this program's, and those of openvqa_dialects().
std::vector<std::string> export_names();

/// A model's tensors, sharing its memory where they are as they are here, with names of export_names() and with how far
/// it was trained. With a dialect's, what openvqa's load_state_dict takes for the same questions and answers. Throws
/// std::invalid_argument for other names, and with a dialect's for a model that is not the published MCAN.
data::TensorFile exported_weights(const Bundle& bundle, const std::string& names);

}  // namespace vqa
