// Batches made ahead of their use by worker threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "vqa/batch_maker.h"

namespace vqa {

struct LoaderOptions {
  int64_t workers = 2;  // decoding threads, at least 1
  int64_t queue = 4;    // batches made but not yet used, at most; at least 1
};

/// Gives the batches of a list of plans in order, made by worker threads at most `queue` batches ahead.
class BatchLoader {
 public:
  /// `maker` must outlive this.
  BatchLoader(const BatchMaker& maker, std::vector<BatchPlan> plans, const LoaderOptions& options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// The next batch, or nothing after the last. Throws what making it threw.
  std::optional<Batch> next();

 private:
  struct Made {
    Batch batch;
    std::exception_ptr error;
  };
  void work();

  const BatchMaker& maker_;
  const std::vector<BatchPlan> plans_;
  const size_t queue_;
  std::mutex mutex_;
  std::condition_variable room_, ready_;  // a place in the queue; a batch in it
  size_t begun_ = 0;                      // plans taken up by workers
  size_t given_ = 0;                      // batches handed out
  bool stopping_ = false;
  std::map<size_t, Made> made_;
  std::vector<std::thread> workers_;
};

}  // namespace vqa
