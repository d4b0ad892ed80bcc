#include "vision/large_pages.h"

#include <c10/util/accumulate.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace vision {
namespace {

constexpr size_t kPage = 2 * 1024 * 1024;           // bytes
constexpr int64_t kPieceNumbers = 8 * 1024 * 1024;  // 32 MB
constexpr int64_t kAlignedNumbers = 64 / sizeof(float);

size_t rounded_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

}  // namespace

torch::Tensor on_large_pages(int64_t count) {
  const size_t bytes = rounded_up(static_cast<size_t>(count) * sizeof(float), kPage);
  // A page more than is needed, so that whole pages are in it wherever it begins.
  const size_t mapped = bytes + kPage;
  void* const begin = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (begin == MAP_FAILED) throw std::bad_alloc();
  auto* const aligned = reinterpret_cast<char*>(rounded_up(reinterpret_cast<size_t>(begin), kPage));
  ::madvise(aligned, bytes, MADV_HUGEPAGE);  // a wish: where it is not granted the memory is as good as any
  return torch::from_blob(
      aligned, {count}, [begin, mapped](void*) { ::munmap(begin, mapped); }, torch::kFloat32);
}

torch::Tensor WeightMemory::take(at::IntArrayRef shape) {
  const int64_t count = c10::multiply_integers(shape);
  const int64_t room = (count + kAlignedNumbers - 1) / kAlignedNumbers * kAlignedNumbers;
  if (!piece_.defined() || piece_.numel() < room) piece_ = on_large_pages(std::max(room, kPieceNumbers));
  const torch::Tensor taken = piece_.narrow(0, 0, count).view(shape);
  piece_ = piece_.narrow(0, room, piece_.numel() - room);
  return taken;
}

}  // namespace vision
