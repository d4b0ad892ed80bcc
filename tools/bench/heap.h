// How much memory a piece of work takes at its most.
#pragma once

#include <cstdint>

namespace bench {

/// Follows the heap of the whole process: malloc and its relatives, of every thread and library, LibTorch's tensors
/// among them. What a library maps by itself (mmap) is not seen, nor what it had kept from earlier calls. In a build
/// with sanitizers, whose malloc is their own, everything is 0.
class HeapMeter {
 public:
  HeapMeter();  // from now on
  /// Bytes by which the heap was larger, at its largest, than when this was made.
  int64_t peak() const;
  /// Bytes by which it is larger now.
  int64_t kept() const;

 private:
  int64_t start_;
};

}  // namespace bench
