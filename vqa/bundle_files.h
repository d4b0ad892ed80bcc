// What a bundle's files are called: shared by what writes and what reads them.
#pragma once

#include <cstdint>

namespace vqa::bundle_files {

inline constexpr int64_t kFormat = 2;  // of the bundle; a reader refuses any other
inline constexpr const char* kConfigFile = "config.json";
inline constexpr const char* kWeightsFile = "model.safetensors";
inline constexpr const char* kAnswersFile = "answers.txt";
inline constexpr const char* kBackboneFile = "backbone.weights";
inline constexpr const char* kGrids = "grid-features";  // in config.json: their provenance, field by field

}  // namespace vqa::bundle_files
