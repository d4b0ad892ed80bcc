// Half-precision numbers to single precision.
#pragma once

#include <cstddef>
#include <cstdint>

namespace data {

/// Widens `count` IEEE half-precision numbers. `half` may lie in the second half of the memory that `single` takes.
void widen(const uint16_t* half, float* single, size_t count);

}  // namespace data
