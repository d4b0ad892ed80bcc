// Ctrl-C as a wish that a command can fulfil in order.
#pragma once

#include <atomic>

namespace tools {

/// Takes over SIGINT, SIGTERM and SIGHUP (the terminal was closed): the first of them makes the value true, a second
/// one ends the program at once.
const std::atomic<bool>& catch_interrupts();

/// For a command whose one write takes a moment and is not to be cut: throws std::runtime_error where one came before.
void require_not_interrupted();

}  // namespace tools
