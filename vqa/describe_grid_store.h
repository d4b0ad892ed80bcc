// A grid store in words.
#pragma once

#include <string>
#include <vector>

#include "data/grid_store.h"

namespace vqa {

/// Provenance, splits and sizes, several lines.
std::string describe(const data::GridStore& store);

/// "2 images (train2014 42, val2014 73)": how many, and the first few.
std::string summary(const std::vector<data::DamagedGrid>& images);

}  // namespace vqa
