#include "tools/peers/op_times.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <vector>

namespace peers {
namespace {

using Clock = std::chrono::steady_clock;

struct Total {
  double seconds = 0;
  int64_t calls = 0;
};

/// An operator under way.
struct Frame {
  Clock::time_point start;
  double inner = 0;  // seconds of those that it called
};

/// LibTorch's callbacks are plain functions, so what they note is here.
struct Notes {
  std::vector<Frame> open;
  std::map<std::string, Total> totals;
  double outermost = 0;  // seconds of operators that no other called
};
thread_local Notes notes;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction&) {
  notes.open.push_back({Clock::now()});
  return nullptr;
}

void end(const at::RecordFunction& function, at::ObserverContext*) {
  if (notes.open.empty()) return;
  const Frame frame = notes.open.back();
  notes.open.pop_back();
  const double all = since(frame.start);
  Total& total = notes.totals[function.name()];
  total.seconds += all - frame.inner;
  ++total.calls;
  (notes.open.empty() ? notes.outermost : notes.open.back().inner) += all;
}

std::string row(const std::string& name, int64_t calls, double seconds, double all) {
  char text[160];
  std::snprintf(text, sizeof(text), "  %-44s%6lldx%10.1f%8.1f %%\n", name.substr(0, 43).c_str(),
                static_cast<long long>(calls), seconds * 1e3, 100 * seconds / all);
  return text;
}

}  // namespace

std::string op_times(const std::function<void()>& work, size_t most) {
  notes = {};
  const at::CallbackHandle handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  const auto start = Clock::now();
  work();
  const double all = since(start);
  at::removeCallback(handle);
  std::vector<std::pair<std::string, Total>> sorted(notes.totals.begin(), notes.totals.end());
  std::ranges::sort(sorted, std::greater{}, [](const auto& item) { return item.second.seconds; });
  std::string text;
  double shown = 0;
  for (const auto& [name, total] : sorted) {
    if (most-- == 0) break;
    text += row(name, total.calls, total.seconds, all);
    shown += total.seconds;
  }
  text += row("other operators", 1, notes.outermost - shown, all);
  return text + row("outside of operators", 1, all - notes.outermost, all);
}

}  // namespace peers
