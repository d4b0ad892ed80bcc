// A backbone's tensors in a file of weights.
#pragma once

#include <filesystem>
#include <string>

#include "data/tensor_file.h"
#include "vision/resnet_shape.h"

namespace vision {

/// What a backbone's file has to hold, by the names in vision/resnet.h: tensors on LibTorch's device without memory
/// (meta).
data::TensorFile backbone_tensors(const ResNetShape& shape);

/// The backbone's tensors in a file, in any format of data::read_tensors and under any prefix, by the backbone's own
/// names. Throws std::invalid_argument for an unknown backbone, and std::runtime_error with the path where they are not
/// all there, of another shape, where a part of the backbone has more in the file (a classifier behind it may be
/// there), and where the file has them twice, under two prefixes.
///
/// `left_over`, where given, becomes a line about what else the file holds beside the backbone's tensors (under their
/// prefix), or empty.
data::TensorFile read_backbone(const std::string& backbone, const std::filesystem::path& weights,
                               std::string* left_over = nullptr);

}  // namespace vision
