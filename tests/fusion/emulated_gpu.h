// A stand-in for a GPU on which the kernels' bodies run: a block's threads take turns on one thread of the host.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>

#include "fusion/cuda/tile_product.h"

namespace fusion::cuda {

/// Threads that run one after the other, each as far as the next place where all wait for all. A body that lacks such a
/// place reads there what is not yet written, or written over already.
class TurnTaking {
 public:
  TurnTaking() : stacks_(std::make_unique_for_overwrite<unsigned char[]>(kThreads * kStack)) {}

  /// work(thread) by every thread of a block.
  void run(const std::function<void(int)>& work) {
    work_ = &work;
    running_ = kThreads;
    for (int thread = 0; thread < kThreads; ++thread) start(thread);
    while (running_ > 0) {
      for (int turn = 0; turn < kThreads; ++turn) {
        current_ = turn;
        swapcontext(&scheduler_, &threads_[turn]);
      }
      if (running_ != 0 && running_ != kThreads) throw std::logic_error("some threads of a block wait for ended ones");
    }
  }

  void wait() { swapcontext(&threads_[current_], &scheduler_); }

 private:
  static constexpr size_t kStack = 256 << 10;

  void start(int thread) {
    ucontext_t& context = threads_[thread];
    getcontext(&context);
    context.uc_stack.ss_sp = stacks_.get() + static_cast<size_t>(thread) * kStack;
    context.uc_stack.ss_size = kStack;
    context.uc_link = &scheduler_;
    turns_ = this;
    makecontext(
        &context, [] { turns_->enter(); }, 0);
  }

  void enter() {
    (*work_)(current_);
    --running_;
  }

  static inline thread_local TurnTaking* turns_ = nullptr;
  std::unique_ptr<unsigned char[]> stacks_;
  ucontext_t scheduler_, threads_[kThreads];
  const std::function<void(int)>* work_ = nullptr;
  int current_ = 0, running_ = 0;
};

/// A thread's view of its block.
class EmulatedBlock {
 public:
  EmulatedBlock(int thread, int64_t index, TurnTaking& turns) : thread_(thread), index_(index), turns_(turns) {}

  int thread() const { return thread_; }
  int64_t index() const { return index_; }
  void sync() const { turns_.wait(); }

 private:
  int thread_;
  int64_t index_;
  TurnTaking& turns_;
};

/// Runs a body's blocks one after the other, the last first. What a block finds in shared memory is NaN or what the one
/// before left.
struct EmulatedGpu {
  static constexpr int64_t kEnoughBlocks = 8;  // so few that small cases have sums of several parts

  template <class Body>
  static void launch(const Body& body) {
    using Shared = typename Body::Shared;
    alignas(Shared) static thread_local unsigned char bytes[sizeof(Shared)];
    std::fill(std::begin(bytes), std::end(bytes), 0xFF);
    auto& shared = *reinterpret_cast<Shared*>(bytes);
    const auto turns = std::make_unique<TurnTaking>();
    for (int64_t index = body.blocks() - 1; index >= 0; --index)
      turns->run([&](int thread) { body(EmulatedBlock(thread, index, *turns), shared); });
  }
};

}  // namespace fusion::cuda
