// Tensors that view a file in memory.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "data/file_mapping.h"

namespace data {

/// The elements of a tensor of this shape; nothing where an extent is negative, the extents other than zero multiply to
/// more than 63 bits, or there are more than 64 of them (what LibTorch's operations take).
std::optional<int64_t> element_count(at::IntArrayRef shape);

/// (size) uint8: `size` bytes of the mapping from `begin`, which must lie within it. A view that owns the mapping with
/// others, and gives back the memory of its pages when it goes; or a copy where the place is no multiple of
/// `alignment`. Throws as FileMapping::count_copy.
torch::Tensor mapped_bytes(const std::shared_ptr<FileMapping>& mapping, size_t begin, size_t size, size_t alignment);

}  // namespace data
