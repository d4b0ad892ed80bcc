// How long work takes.
#pragma once

#include <functional>

namespace bench {

/// Seconds that `work` takes: by the clock, or where LibTorch has one thread the processor's time, which a busy machine
/// falsifies less.
double seconds_taken(const std::function<void()>& work);

}  // namespace bench
