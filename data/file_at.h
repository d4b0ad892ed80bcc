// Reading and writing at a place of an open file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace data {

/// Writes all bytes at `offset`. False where the system refuses; errno tells why.
bool write_at(int descriptor, const void* bytes, size_t size, uint64_t offset);

/// Reads all bytes at `offset`. False where the system refuses, with errno, or the file ends before, with errno 0.
/// Several threads may read from one descriptor.
bool read_at(int descriptor, void* bytes, size_t size, uint64_t offset);

}  // namespace data
