// Work that a thread of its own does behind the caller, in order.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "vqa/threads.h"

namespace vqa {

/// Calls `work` with each item that is put in, in a thread of its own, with at most `queue` items waiting.
template <class Item>
class DoneBehind {
 public:
  using Work = std::function<void(Item item)>;

  DoneBehind(Work work, size_t queue) : work_(std::move(work)), queue_(queue), worker_([this] { run(); }) {}
  /// Does what was put in, unless it failed before.
  ~DoneBehind() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }
  DoneBehind(const DoneBehind&) = delete;
  DoneBehind& operator=(const DoneBehind&) = delete;

  /// Waits for a place in the queue. Throws what the work on an earlier item threw.
  void put(Item item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return error_ || items_.size() < queue_; });
    if (error_) std::rethrow_exception(error_);
    items_.push_back(std::move(item));
    changed_.notify_all();
  }

  /// Waits until all is done. Throws what the work threw.
  void drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return error_ || (items_.empty() && !working_); });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void run() {
    unbind_this_thread();
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ending_ || !items_.empty(); });
      if (items_.empty()) return;
      Item item = std::move(items_.front());
      items_.pop_front();
      working_ = true;
      changed_.notify_all();
      lock.unlock();
      std::exception_ptr error;
      try {
        work_(std::move(item));
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      working_ = false;
      error_ = error;
      changed_.notify_all();
      if (error_) return;
    }
  }

  const Work work_;
  const size_t queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  bool working_ = false, ending_ = false;
  std::exception_ptr error_;
  std::thread worker_;  // last, so that it finds all the rest
};

}  // namespace vqa
