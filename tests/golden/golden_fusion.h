// The golden cases of fusion/: the published DBA layer, and its cross-attention as derived from the paper.
#pragma once

#include "tests/golden/golden.h"

namespace golden {

/// Two published encoder layers in a row, Z handed from one to the next. `tag` is "tiny", "uea" or "long".
std::vector<Comparison> dba_layers(const std::filesystem::path& folder, uint32_t salt, const std::string& tag);

/// One cross-attention. `tag` is "small" or "wide".
std::vector<Comparison> dba_cross(const std::filesystem::path& folder, uint32_t salt, const std::string& tag);

/// The published layer's name of one of our DBA attention's parameters.
std::string published_dba_name(const std::string& ours);

}  // namespace golden
