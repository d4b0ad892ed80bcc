// Items made ahead of their use by worker threads, in order.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "vqa/threads.h"

namespace vqa {

struct LoaderOptions {
  int64_t workers = 2;  // threads that make items, at least 1
  int64_t queue = 4;    // items made but not yet used, at most; at least 1
};

/// Gives `make(0)`, `make(1)`, ... in order, made by worker threads at most `queue` items ahead.
template <class Item>
class MadeAhead {
 public:
  using Make = std::function<Item(size_t index)>;

  /// `make` is called by several threads at once.
  MadeAhead(size_t count, Make make, const LoaderOptions& options)
      : count_(count), make_(std::move(make)), queue_(static_cast<size_t>(std::max<int64_t>(1, options.queue))) {
    const int64_t workers = std::max<int64_t>(1, options.workers);
    for (int64_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
  }
  ~MadeAhead() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    room_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }
  MadeAhead(const MadeAhead&) = delete;
  MadeAhead& operator=(const MadeAhead&) = delete;

  /// The next item, or nothing after the last. Throws what making it threw.
  std::optional<Item> next() {
    std::unique_lock lock(mutex_);
    if (given_ == count_) return std::nullopt;
    ready_.wait(lock, [this] { return made_.contains(given_); });
    Made made = std::move(made_.extract(given_).mapped());
    ++given_;
    lock.unlock();
    room_.notify_one();
    if (made.error) std::rethrow_exception(made.error);
    return std::move(made.item);
  }

 private:
  struct Made {
    Item item;
    std::exception_ptr error;
  };

  void work() {
    unbind_this_thread();
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [this] { return stopping_ || begun_ == count_ || begun_ < given_ + queue_; });
      if (stopping_ || begun_ == count_) return;
      const size_t index = begun_++;
      lock.unlock();
      Made made;
      try {
        made.item = make_(index);
      } catch (...) {
        made.error = std::current_exception();
      }
      lock.lock();
      made_.emplace(index, std::move(made));
      ready_.notify_one();
    }
  }

  const size_t count_;
  const Make make_;
  const size_t queue_;
  std::mutex mutex_;
  std::condition_variable room_, ready_;  // a place in the queue; an item in it
  size_t begun_ = 0;                      // items taken up by workers
  size_t given_ = 0;                      // items handed out
  bool stopping_ = false;
  std::map<size_t, Made> made_;
  std::vector<std::thread> workers_;
};

}  // namespace vqa
