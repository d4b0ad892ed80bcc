#include "vqa/extractor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "data/atomic_file.h"
#include "data/grid_store.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"
#include "vision/image.h"

namespace vqa {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kCell = 4;  // pixels a side

/// Pictures of several forms, a network that averages cells, and what becomes of them.
class ExtractorTest : public testing::Test {
 protected:
  ExtractorTest() {
    fs::create_directory(folder_ / "val2014");
    for (int id = 1; id <= 9; ++id) {
      const cv::Mat picture(id % 3 == 0 ? 32 : 16, 24, CV_8UC3, cv::Scalar(20 * id, 10 * id, id));
      vision::write_png(picture_path(id), picture);
    }
  }
  fs::path picture_path(int id) const { return folder_ / ("val2014/" + std::to_string(id) + ".png"); }
  fs::path out() const { return folder_ / "G.h5"; }

  ExtractionPlan plan() const {
    return plan_extraction({folder_ / "val2014"}, {.size_of = [this](const fs::path& path) -> ExtractedSize {
                             const vision::Extent size = transform_.size().of(vision::read_image_header(path).extent());
                             return {size.height, size.width, size.height / kCell, size.width / kCell};
                           }});
  }
  data::GridStorePlan store(const ExtractionPlan& plan, data::GridType type = data::GridType::kFloat) const {
    return {.type = type, .channels = 3, .splits = plan.splits};
  }
  Extractor extractor(ExtractorOptions options = {.batch = 2}) {
    const auto network = [this](const torch::Tensor& images) {
      batches_.push_back(images.sizes().vec());
      return torch::avg_pool2d(images, kCell) * scale_;
    };
    return Extractor(network, transform_, std::move(options));
  }

  TemporaryFolder folder_;
  vision::ImageTransform transform_{{.rule = "torchvision", .size = "/24"}};
  double scale_ = 1;
  std::vector<std::vector<int64_t>> batches_;
};

TEST_F(ExtractorTest, GivesEachImageItsOwnFeatures) {
  const ExtractionPlan plan = this->plan();
  data::GridStoreWriter writer(out(), store(plan));
  EXPECT_TRUE(extractor().run(plan.images, writer).finished);
  const data::GridStore store(out());
  ASSERT_EQ(store.size(), 9);
  for (int id = 1; id <= 9; ++id) {
    const data::GridImage* image = store.find("val2014", id);
    ASSERT_NE(image, nullptr);
    EXPECT_EQ(image->height, id % 3 == 0 ? 6 : 4);
    EXPECT_EQ(image->width, id % 3 == 0 ? 4 : 6);  // of 18 pixels, 16 make whole cells
    std::vector<float> features(store.numbers(*image));
    store.read_float(*image, features.data());
    for (size_t cell = 0; cell < features.size(); cell += 3) {
      EXPECT_NEAR(features[cell], (20 * id / 255.0 - 0.485) / 0.229, 1e-5) << id;
      EXPECT_NEAR(features[cell + 2], (id / 255.0 - 0.406) / 0.225, 1e-5) << id;
    }
  }
}

TEST_F(ExtractorTest, BatchesImagesOfOneSize) {
  const ExtractionPlan plan = this->plan();
  data::GridStoreWriter writer(out(), store(plan));
  extractor({.batch = 4}).run(plan.images, writer);
  std::vector<int64_t> sizes;
  for (const std::vector<int64_t>& batch : batches_) sizes.push_back(batch[0]);
  EXPECT_EQ(sizes, (std::vector<int64_t>{3, 4, 2}));
}

TEST_F(ExtractorTest, StoppedAndResumedComputesTheSameBatches) {
  const ExtractionPlan plan = this->plan();
  {
    data::GridStoreWriter writer(folder_ / "whole.h5", store(plan));
    extractor().run(plan.images, writer);
  }
  std::atomic<bool> stop = false;
  {
    data::GridStoreWriter writer(out(), store(plan));
    ExtractorOptions options{.batch = 2, .stop = &stop};
    options.on_batch = [&](const ExtractionProgress& progress) { stop = progress.done >= 4; };
    EXPECT_FALSE(extractor(options).run(plan.images, writer).finished);
    EXPECT_EQ(writer.written(), 5);  // 2 and 1 large pictures, 2 small ones
  }
  batches_.clear();
  data::GridStoreWriter writer(out(), store(plan), {.resume = true});
  EXPECT_TRUE(extractor().run(plan.images, writer).finished);
  EXPECT_EQ(batches_.size(), 2u);
  EXPECT_TRUE(data::read_file(out()) == data::read_file(folder_ / "whole.h5"));
}

TEST_F(ExtractorTest, ProgressCountsAllImages) {
  const ExtractionPlan plan = this->plan();
  data::GridStoreWriter writer(out(), store(plan));
  int64_t done = 0;
  double share = 0;
  ExtractorOptions options{.batch = 2};
  options.on_batch = [&](const ExtractionProgress& progress) {
    EXPECT_GT(progress.done, done);
    EXPECT_GT(progress.share, share);
    EXPECT_EQ(progress.total, 9);
    done = progress.done;
    share = progress.share;
  };
  extractor(options).run(plan.images, writer);
  EXPECT_EQ(done, 9);
  EXPECT_DOUBLE_EQ(share, 1);
}

TEST_F(ExtractorTest, PicturesThatCannotBeDecodedAreAbsent) {
  const ExtractionPlan plan = this->plan();
  write_text(picture_path(3), "no picture any more");
  write_text(picture_path(6), "nor this");  // all of one batch
  vision::write_png(picture_path(5), cv::Mat(24, 16, CV_8UC3, cv::Scalar(1, 2, 3)));
  data::GridStoreWriter writer(out(), store(plan));
  std::vector<std::string> heard;
  ExtractorOptions options{.batch = 2};
  options.on_bad = [&](const BadImage& bad) { heard.push_back(bad.reason); };
  const ExtractionOutcome outcome = extractor(options).run(plan.images, writer);
  EXPECT_TRUE(outcome.finished);
  ASSERT_EQ(outcome.bad.size(), 3u);
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_THAT(heard[0], testing::StartsWith(picture_path(3).string() + ": "));
  EXPECT_EQ(heard[2], picture_path(5).string() + ": has another size than its header says; save it again");
  const data::GridStore store(out());
  EXPECT_EQ(store.size(), 6);
  EXPECT_EQ(store.splits()[0].absent, (std::vector<int64_t>{3, 5, 6}));
  EXPECT_TRUE(data::find_damaged(store).empty());
}

// The header is whole, so that only decoding tells.
TEST_F(ExtractorTest, APictureCutInItsDataIsAbsent) {
  std::vector<unsigned char> jpeg;
  cv::Mat noise(16, 24, CV_8UC3);
  cv::randu(noise, 0, 256);
  cv::imencode(".jpg", noise, jpeg);
  fs::remove(picture_path(4));
  write_text(folder_ / "val2014/4.jpg", {jpeg.begin(), jpeg.end() - 100});
  const ExtractionPlan plan = this->plan();
  EXPECT_EQ(plan.images.size(), 9u);
  EXPECT_TRUE(plan.bad.empty());
  data::GridStoreWriter writer(out(), store(plan));
  const ExtractionOutcome outcome = extractor({.batch = 6}).run(plan.images, writer);
  ASSERT_EQ(outcome.bad.size(), 1u);
  EXPECT_THAT(outcome.bad[0].reason, testing::StartsWith((folder_ / "val2014/4.jpg").string() + ": truncated JPEG"));
  const data::GridStore store(out());
  EXPECT_EQ(store.splits()[0].absent, std::vector<int64_t>{4});
  for (const int id : {1, 2, 5, 7, 8}) {  // those of its batch
    std::vector<float> features(store.numbers(*store.find("val2014", id)));
    store.read_float(*store.find("val2014", id), features.data());
    EXPECT_NEAR(features[0], (20 * id / 255.0 - 0.485) / 0.229, 1e-5) << id;
  }
}

TEST_F(ExtractorTest, NoPictureAtAllIsRefused) {
  const ExtractionPlan plan = this->plan();
  for (int id = 1; id <= 9; ++id) write_text(picture_path(id), "");
  {
    data::GridStoreWriter writer(out(), store(plan));
    EXPECT_THAT(error_of<std::runtime_error>([&] { extractor().run(plan.images, writer); }),
                HasSubstr("the file is empty; copy or download the picture again (and no other picture can be read)"));
  }
  EXPECT_FALSE(fs::exists(out()));
  EXPECT_FALSE(fs::exists(data::unfinished_path(out())));
}

// Whole batches were decoded ahead, however large.
TEST_F(ExtractorTest, AsManyAsABatchAreDecodedAhead) {
  for (int id = 1; id <= 9; ++id) vision::write_png(picture_path(id), cv::Mat(16, 24, CV_8UC3, cv::Scalar(1, 2, 3)));
  const ExtractionPlan plan = this->plan();
  data::GridStoreWriter writer(out(), store(plan));
  bool first = true;
  const auto network = [&](const torch::Tensor& images) {
    if (std::exchange(first, false)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));  // time enough to decode all
      for (int id = 7; id <= 9; ++id) fs::remove(picture_path(id));
    }
    return torch::avg_pool2d(images, kCell);
  };
  // Two in the network, 2 + 2 ahead.
  Extractor extractor(network, transform_, {.batch = 2, .loader = {.workers = 2, .queue = 2}});
  const ExtractionOutcome outcome = extractor.run(plan.images, writer);
  ASSERT_EQ(outcome.bad.size(), 3u);
  EXPECT_EQ(writer.written(), 6);
}

TEST_F(ExtractorTest, FeaturesThatDoNotFitAreRefused) {
  const ExtractionPlan plan = this->plan();
  scale_ = 1e6;
  {
    data::GridStoreWriter writer(out(), store(plan, data::GridType::kHalf));
    EXPECT_THAT(error_of<std::runtime_error>([&] { extractor().run(plan.images, writer); }),
                HasSubstr("its features are too large for fp16; extract with --dtype fp32"));
  }
  scale_ = std::numeric_limits<double>::quiet_NaN();
  data::GridStoreWriter writer(folder_ / "single.h5", store(plan));
  EXPECT_THAT(error_of<std::runtime_error>([&] { extractor().run(plan.images, writer); }),
              HasSubstr("infinite or not numbers"));
}

TEST_F(ExtractorTest, BatchHasToBePositive) {
  EXPECT_EQ(error_of<std::invalid_argument>([&] { extractor({.batch = 0}); }), "batch: 0; allowed is 1 to 1024");
  EXPECT_EQ(error_of<std::invalid_argument>([] { validate({.batch = 1025}); }), "batch: 1025; allowed is 1 to 1024");
}

TEST_F(ExtractorTest, PlanTellsBadPictures) {
  write_text(picture_path(2), "no picture");
  const ExtractionPlan plan = this->plan();
  EXPECT_EQ(plan.images.size(), 8u);
  EXPECT_EQ(plan.pictures(), 9);
  ASSERT_EQ(plan.bad.size(), 1u);
  EXPECT_THAT(plan.bad[0].reason, testing::StartsWith(picture_path(2).string() + ": is no JPEG"));
  for (int id = 1; id <= 9; ++id) write_text(picture_path(id), "");
  EXPECT_THAT(error_of<std::runtime_error>([&] { this->plan(); }), HasSubstr("(and no other picture can be read)"));
}

}  // namespace
}  // namespace vqa
