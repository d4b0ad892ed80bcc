#include "vqa/image_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/exact_random.h"
#include "data/grid_store_writer.h"
#include "tests/data/error_of.h"
#include "tests/vqa/small_model.h"
#include "vision/augment.h"
#include "vision/image.h"
#include "vqa/picture_batch.h"

namespace vqa {
namespace {

using testing::HasSubstr;

/// Height and width in cells.
struct Grid {
  int64_t image = 0;
  int32_t height = 0, width = 0;
};

class ImageSourceTest : public testing::Test {
 protected:
  /// A store of `train2014` with half-precision numbers made by `fill` (h, w, C).
  std::filesystem::path write(const std::vector<Grid>& grids, int64_t channels,
                              const std::function<torch::Tensor(const Grid&)>& fill) const {
    data::GridStorePlan plan{.channels = channels, .splits = {{.name = "train2014"}}};
    for (const Grid& grid : grids) plan.splits[0].images.push_back({grid.image, grid.height, grid.width});
    const std::filesystem::path path = folder_ / "G.h5";
    data::GridStoreWriter writer(path, plan);
    for (size_t i = 0; i < grids.size(); ++i) {
      writer.write(0, i, fill(grids[i]).to(torch::kHalf).contiguous().data_ptr());
    }
    writer.finish();
    return path;
  }

  TemporaryFolder folder_;
  data::Split split_ = data::Split::open(small_data(folder_), "train");  // images 1 to 12
  Bundle bundle_ = small_bundle(split_);
};

TEST_F(ImageSourceTest, GridsOfManySizesArePadded) {
  std::vector<Grid> grids;
  for (int32_t i = 1; i <= 12; ++i) grids.push_back({i, i % 3 + 1, i % 2 + 1});
  const data::GridStore store(write(grids, 2, [](const Grid& grid) {
    return torch::arange(grid.height * grid.width * 2).view({grid.height, grid.width, 2}) + 100 * grid.image;
  }));
  Batch batch;
  image_source(split_, *bundle_.model, &store)->load({.images = {2, 0}}, batch);  // images 3 and 1: 1x2 and 2x2 cells
  EXPECT_TRUE(torch::equal(batch.grid_sizes, torch::tensor({{1, 2}, {2, 2}}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(batch.grid_lengths, torch::tensor({2, 4}, torch::kInt64)));
  ASSERT_EQ(batch.grid.sizes(), (std::vector<int64_t>{2, 4, 2}));
  EXPECT_TRUE(torch::equal(batch.grid[0].flatten(), torch::tensor({300.F, 301.F, 302.F, 303.F, 0.F, 0.F, 0.F, 0.F})));
  EXPECT_TRUE(torch::equal(batch.grid[1].flatten(), torch::arange(100, 108, torch::kFloat32)));
  EXPECT_FALSE(batch.images.defined());
}

TEST_F(ImageSourceTest, NamesTheFirstImageThatAStoreLacks) {
  const data::GridStore store(write({{1, 1, 1}}, 2, [](const Grid& grid) {
    return torch::zeros({grid.height, grid.width, 2});
  }));
  EXPECT_THAT(error_of<std::runtime_error>([&] { image_source(split_, *bundle_.model, &store); }),
              HasSubstr("G.h5: lacks image 2 of train2014, of question "));
}

TEST_F(ImageSourceTest, PicturesChangeByTheSeedOfTheirPlanAndTheirPlaceInTheSplit) {
  const vision::AugmentOptions options{.crop = 0.3, .rotate = 10, .brightness = 0.2, .contrast = 0.2};
  const auto source = image_source(split_, *bundle_.model, nullptr, options);
  const auto pixels = [](const ImageSource& from, const BatchPlan& plan) {
    Batch batch;
    from.load(plan, batch);
    return batch.images;
  };
  const torch::Tensor plain = pixels(*image_source(split_, *bundle_.model), {.images = {2, 5}, .seed = 9});
  const torch::Tensor changed = pixels(*source, {.images = {2, 5}, .seed = 9});
  EXPECT_EQ(changed.sizes(), plain.sizes());
  for (int64_t i = 0; i < 2; ++i) EXPECT_FALSE(torch::equal(changed[i], plain[i])) << i;
  // Whatever batch it is in; and otherwise in another epoch.
  EXPECT_TRUE(torch::equal(pixels(*source, {.images = {5}, .seed = 9})[0], changed[1]));
  EXPECT_FALSE(torch::equal(pixels(*source, {.images = {5}, .seed = 10})[0], changed[1]));
  EXPECT_TRUE(torch::equal(pixels(*source, {.images = {2, 5}}), plain));
}

// A part of a picture that needs no resizing has gaps between its rows.
TEST_F(ImageSourceTest, APartOfThePicturesSizeIsCopiedRowByRow) {
  const cv::Mat whole = vision::read_image(split_.images()[0].path);
  const vision::AugmentOptions options{.crop = 0.9};
  constexpr int64_t kSeed = 3;
  const cv::Mat part = vision::Augmentation(options, data::mixed_seed(kSeed, 0)).crop(whole);
  ASSERT_FALSE(part.isContinuous());
  const vision::ImageTransform same_size({.size = "/" + std::to_string(std::max(part.rows, part.cols))});
  PictureBatch batch(1, {part.rows, part.cols}, same_size);
  const vision::Augmentation augmentation(options, data::mixed_seed(kSeed, 0));
  batch.fill(0, split_.images()[0].path, &augmentation);
  const auto* pixel = batch.pixels().const_data_ptr<uint8_t>();
  for (int y = 0; y < part.rows; ++y) {
    for (int x = 0; x < part.cols; ++x, pixel += 3) {
      ASSERT_EQ(cv::Vec3b(pixel[0], pixel[1], pixel[2]), part.at<cv::Vec3b>(y, x)) << y << " " << x;
    }
  }
}

TEST_F(ImageSourceTest, PicturesOfManySizesAreRefused) {
  EXPECT_NO_THROW(require_one_size({.size = "448"}));
  Config config = small_config();
  config.model.image_size = "60/100";
  const Bundle bundle = small_bundle(split_, config);
  EXPECT_EQ(
      error_of<std::invalid_argument>([&] { image_source(split_, *bundle.model); }),
      "image-size: '60/100'; allowed is a square, such as 448, or grid features: a batch holds images of one size");
}

}  // namespace
}  // namespace vqa
