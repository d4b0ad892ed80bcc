#include "vqa/memory.h"

#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace vqa {

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kAtOnce = 64 << 20;  // bytes by which the heap grows
  mallopt(M_MMAP_MAX, 0);            // large blocks come from the heap too
  mallopt(M_TRIM_THRESHOLD, -1);     // whose end is never cut off
  mallopt(M_TOP_PAD, kAtOnce);
#endif
}

}  // namespace vqa
