#include "tools/commands/interrupt.h"

#include <csignal>
#include <stdexcept>

namespace tools {
namespace {

std::atomic<bool> g_interrupted{false};

extern "C" void on_signal(int signal) {
  g_interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGHUP, on_signal);
  return g_interrupted;
}

void require_not_interrupted() {
  if (g_interrupted) throw std::runtime_error("stopped; nothing was written");
}

}  // namespace tools
