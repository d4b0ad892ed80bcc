#include "vqa/batch_loader.h"

#include <algorithm>

#include "vqa/threads.h"

namespace vqa {

BatchLoader::BatchLoader(const BatchMaker& maker, std::vector<BatchPlan> plans, const LoaderOptions& options)
    : maker_(maker), plans_(std::move(plans)), queue_(static_cast<size_t>(std::max<int64_t>(1, options.queue))) {
  const int64_t workers = std::max<int64_t>(1, options.workers);
  for (int64_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

BatchLoader::~BatchLoader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

std::optional<Batch> BatchLoader::next() {
  std::unique_lock lock(mutex_);
  if (given_ == plans_.size()) return std::nullopt;
  ready_.wait(lock, [this] { return made_.contains(given_); });
  Made made = std::move(made_.extract(given_).mapped());
  ++given_;
  lock.unlock();
  room_.notify_one();
  if (made.error) std::rethrow_exception(made.error);
  return std::move(made.batch);
}

void BatchLoader::work() {
  unbind_this_thread();
  std::unique_lock lock(mutex_);
  while (true) {
    room_.wait(lock, [this] { return stopping_ || begun_ == plans_.size() || begun_ < given_ + queue_; });
    if (stopping_ || begun_ == plans_.size()) return;
    const size_t index = begun_++;
    lock.unlock();
    Made made;
    try {
      made.batch = maker_.make(plans_[index]);
    } catch (...) {
      made.error = std::current_exception();
    }
    lock.lock();
    made_.emplace(index, std::move(made));
    ready_.notify_one();
  }
}

}  // namespace vqa
