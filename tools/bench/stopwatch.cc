#include "tools/bench/stopwatch.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <ctime>

namespace bench {
namespace {

double now() {
  if (at::get_num_threads() == 1) {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

double seconds_taken(const std::function<void()>& work) {
  const double start = now();
  work();
  return now() - start;
}

}  // namespace bench
