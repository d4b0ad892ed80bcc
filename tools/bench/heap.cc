#include "tools/bench/heap.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

std::atomic<int64_t> in_use{0}, most{0};

[[maybe_unused]] void* taken(void* memory) {
  if (memory == nullptr) return memory;
  const auto size = static_cast<int64_t>(malloc_usable_size(memory));
  const int64_t now = in_use.fetch_add(size, std::memory_order_relaxed) + size;
  int64_t before = most.load(std::memory_order_relaxed);
  while (now > before && !most.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
  }
  return memory;
}

[[maybe_unused]] void given_back(void* memory) {
  if (memory != nullptr) in_use.fetch_sub(static_cast<int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
}

}  // namespace

#ifndef __SANITIZE_ADDRESS__
// In place of glibc's functions, for every library of the process; glibc keeps its own under these names.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) { return taken(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return taken(__libc_calloc(count, size)); }
void* memalign(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) { return taken(__libc_memalign(alignment, size)); }

void* realloc(void* memory, size_t size) {
  given_back(memory);
  void* moved = __libc_realloc(memory, size);
  if (moved == nullptr && size > 0) {  // the old one stays
    taken(memory);
    return nullptr;
  }
  return taken(moved);
}

int posix_memalign(void** memory, size_t alignment, size_t size) {
  *memory = taken(__libc_memalign(alignment, size));
  return *memory == nullptr ? ENOMEM : 0;
}

void free(void* memory) {
  given_back(memory);
  __libc_free(memory);
}
}
#endif

namespace bench {

HeapMeter::HeapMeter() : start_(in_use.load()) { most.store(start_); }

int64_t HeapMeter::peak() const { return most.load() - start_; }

int64_t HeapMeter::kept() const { return in_use.load() - start_; }

}  // namespace bench
