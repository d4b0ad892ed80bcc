// Answers questions about scenes of the shapes set from their words and the objects' places alone, sharing nothing with
// the code that asks them.
#pragma once

#include <string>

#include "data/shapes_scene.h"

namespace data {

/// Throws std::runtime_error for a question that it does not understand, that speaks of "the ..." where none or several
/// are meant, or that is in doubt (less than an eighth of the image to the left, ...).
std::string answer_about(const ShapesScene& scene, const std::string& question, int64_t image_size);

}  // namespace data
