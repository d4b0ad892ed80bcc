#include "vqa/metrics_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/atomic_file.h"
#include "tests/temporary_folder.h"

namespace vqa {
namespace {

TEST(MetricsLog, ForgetsWhatAResumedRunWritesAgain) {
  const TemporaryFolder folder;
  int64_t kept = 0;
  {
    MetricsLog log(folder / "metrics.jsonl", 0);
    log.write({{"step", 1}, {"loss", 2.5}});
    kept = log.bytes();
    log.write({{"step", 2}});
  }
  MetricsLog log(folder / "metrics.jsonl", kept);
  log.write({{"step", 3}});
  EXPECT_EQ(data::read_file(folder / "metrics.jsonl"), "{\"step\":1,\"loss\":2.5}\n{\"step\":3}\n");
}

// It used to be filled up with NUL bytes.
TEST(MetricsLog, GoesOnWithAFileThatWasShortened) {
  const TemporaryFolder folder;
  data::write_file(folder / "metrics.jsonl", "{\"step\":1}\n");
  MetricsLog log(folder / "metrics.jsonl", 1000);
  log.write({{"step", 2}});
  EXPECT_EQ(data::read_file(folder / "metrics.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_EQ(log.bytes(), 22);
}

TEST(MetricsLog, NamesAPathThatCannotBeWritten) {
  EXPECT_THROW(MetricsLog("/proc/none/metrics.jsonl", 0).write({{"step", 1}}), std::runtime_error);
}

}  // namespace
}  // namespace vqa
