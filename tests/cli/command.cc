#include "tests/cli/command.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLongest = 300;  // seconds
constexpr int kPause = 3;         // milliseconds between two looks

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

/// A pipe, or a terminal whose far end is the child's.
struct Channel {
  int near = -1;
  int far = -1;

  static Channel pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    return {ends[0], ends[1]};
  }
  static Channel terminal() {
    const int near = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (near < 0 || ::grantpt(near) != 0 || ::unlockpt(near) != 0) fail("terminal");
    const int far = ::open(::ptsname(near), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (far < 0) fail("terminal");
    return {near, far};
  }
  static Channel file(const std::filesystem::path& path) {
    const int far = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (far < 0) fail(path.string());
    return {-1, far};
  }
  void close_far() {
    ::close(far);
    far = -1;
  }
};

[[noreturn]] void become(const std::vector<std::string>& command, const RunOptions& options, const Channel& out,
                         const Channel& err) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(out.far, STDOUT_FILENO);
  ::dup2(err.far, STDERR_FILENO);
  for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
  if (options.folder.empty() || ::chdir(options.folder.c_str()) == 0) ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

/// Takes what is there to read. False once the other end is closed.
bool take(int descriptor, std::string& text) {
  std::array<char, 1 << 16> buffer;
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count > 0) text.append(buffer.data(), static_cast<size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);  // a terminal whose far end is closed says EIO
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("wait");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Outcome run(const std::vector<std::string>& command, const RunOptions& options) {
  Channel out = options.out.empty() ? Channel::pipe() : Channel::file(options.out);
  Channel err = options.terminal ? Channel::terminal() : Channel::pipe();
  const auto start = Clock::now();
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) become(command, options, out, err);
  out.close_far();
  err.close_far();

  Outcome outcome;
  bool to_signal = options.signal != 0;
  while (out.near >= 0 || err.near >= 0) {
    std::array<pollfd, 2> waiting{pollfd{out.near, POLLIN, 0}, pollfd{err.near, POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), to_signal ? kPause : 1000);
    for (const auto& [channel, text, events] :
         {std::tuple{&out, &outcome.out, waiting[0].revents}, {&err, &outcome.err, waiting[1].revents}}) {
      if (channel->near < 0 || events == 0 || take(channel->near, *text)) continue;
      ::close(channel->near);
      channel->near = -1;
    }
    outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (to_signal && outcome.seconds >= options.after && (!options.when || options.when(outcome.err))) {
      ::kill(child, options.signal);
      to_signal = false;
    }
    if (outcome.seconds > kLongest) {
      ::kill(child, SIGKILL);
      wait_for(child);
      throw std::runtime_error(command[0] + ": took more than five minutes; it said: " + outcome.err);
    }
  }
  outcome.code = wait_for(child);
  if (outcome.code == 127) throw std::runtime_error(command[0] + ": cannot be started");
  return outcome;
}

std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> all;
  bool quoted = false, begun = false;
  for (const char c : line) {
    if (c == ' ' && !quoted) {
      begun = false;
      continue;
    }
    if (!begun) all.emplace_back();
    begun = true;
    if (c == '\'') {
      quoted = !quoted;
    } else {
      all.back() += c;
    }
  }
  return all;
}

std::filesystem::path vqa_program() { return VQA_BINARY_DIR "/bin/vqa"; }

Outcome vqa(const std::string& line, const RunOptions& options) {
  std::vector<std::string> command = words(line);
  command.insert(command.begin(), vqa_program().string());
  return run(command, options);
}

}  // namespace cli
