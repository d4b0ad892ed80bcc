#include "data/mapped_tensor.h"

namespace data {

std::optional<int64_t> element_count(at::IntArrayRef shape) {
  constexpr size_t kMaxDimensions = 64;
  int64_t product = 1;  // of the extents that are not zero: LibTorch computes strides from it
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && __builtin_mul_overflow(product, extent, &product))) return std::nullopt;
    empty = empty || extent == 0;
  }
  if (shape.size() > kMaxDimensions) return std::nullopt;
  return empty ? 0 : product;
}

torch::Tensor mapped_bytes(const std::shared_ptr<FileMapping>& mapping, size_t begin, size_t size, size_t alignment) {
  char* at = mapping->begin() + begin;
  const auto forget = [mapping, begin, size](void*) { mapping->forget(begin, size); };
  const torch::Tensor view = torch::from_blob(at, {static_cast<int64_t>(size)}, forget, torch::kUInt8);
  if (reinterpret_cast<uintptr_t>(at) % alignment == 0) return view;
  mapping->count_copy(size);
  return view.clone();
}

}  // namespace data
