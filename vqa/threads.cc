#include "vqa/threads.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <optional>
#include <vector>

namespace vqa {
namespace {

std::optional<cpu_set_t> g_before;  // the process's processors; nothing where no thread was bound

}  // namespace

void bind_computation_threads() {
  cpu_set_t before;
  if (sched_getaffinity(0, sizeof(before), &before) != 0) return;
  std::vector<int> processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &before)) processors.push_back(i);
  }
  const auto threads = static_cast<size_t>(at::get_num_threads());
  if (threads < 2 || threads != processors.size()) return;
  g_before = before;
  at::parallel_for(0, static_cast<int64_t>(threads), 1, [&](int64_t, int64_t) {
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET(processors[static_cast<size_t>(at::get_thread_num())], &own);
    sched_setaffinity(0, sizeof(own), &own);
  });
}

void unbind_this_thread() {
  if (g_before) sched_setaffinity(0, sizeof(*g_before), &*g_before);
}

}  // namespace vqa
