#include "vqa/image_source.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

#include "data/exact_random.h"
#include "data/settings.h"
#include "vision/augment.h"
#include "vqa/picture_batch.h"

namespace vqa {
namespace {

class PictureFiles : public ImageSource {
 public:
  PictureFiles(const data::Split& split, const vision::ImageTransform& transform, const vision::AugmentOptions& augment)
      : split_(split), transform_(transform), augment_(augment) {
    require_one_size(transform.options());
  }

  void load(const BatchPlan& plan, Batch& batch) const override {
    const int64_t side = transform_.size().square;
    const bool changed = plan.seed >= 0 && augment_ != vision::AugmentOptions();
    PictureBatch pictures(static_cast<int64_t>(plan.images.size()), {side, side}, transform_);
    for (size_t i = 0; i < plan.images.size(); ++i) {
      const size_t image = plan.images[i];
      std::optional<vision::Augmentation> augmentation;
      if (changed) augmentation.emplace(augment_, data::mixed_seed(static_cast<uint64_t>(plan.seed), image));
      pictures.fill(static_cast<int64_t>(i), split_.images()[image].path, augmentation ? &*augmentation : nullptr);
    }
    batch.images = pictures.pixels();
  }

 private:
  const data::Split& split_;
  const vision::ImageTransform& transform_;
  const vision::AugmentOptions augment_;
};

class StoredGrids : public ImageSource {
 public:
  StoredGrids(const data::Split& split, const data::GridStore& store) : store_(store) {
    grids_.reserve(split.images().size());
    for (const data::Image& image : split.images()) {
      grids_.push_back(store.find(image.folder, image.id));
      if (grids_.back() != nullptr) continue;
      throw std::runtime_error(store.path().string() + ": lacks image " + std::to_string(image.id) + " of " +
                               std::string(image.folder) + ", of question " +
                               std::to_string(split.questions()[image.questions.front()].question_id) +
                               "; vqa extract makes a store of all images of a folder");
    }
  }

  void load(const BatchPlan& plan, Batch& batch) const override {
    const std::vector<size_t>& images = plan.images;
    const auto count = static_cast<int64_t>(images.size());
    batch.grid_sizes = torch::empty({count, 2}, torch::kInt64);
    auto* size = batch.grid_sizes.data_ptr<int64_t>();
    int64_t longest = 0, shortest = grids_[images.front()]->cells();
    for (const size_t image : images) {
      const data::GridImage& grid = *grids_[image];
      *size++ = grid.height;
      *size++ = grid.width;
      longest = std::max(longest, grid.cells());
      shortest = std::min(shortest, grid.cells());
    }
    if (shortest < longest) batch.grid_lengths = batch.grid_sizes.prod(1);  // (I)
    batch.grid = torch::empty({count, longest, store_.channels()});         // (I, n, C)
    auto* at = batch.grid.data_ptr<float>();
    const auto row = static_cast<size_t>(longest * store_.channels());
    for (const size_t image : images) {
      const size_t numbers = store_.numbers(*grids_[image]);
      store_.read_float(*grids_[image], at);
      std::fill(at + numbers, at + row, 0.0F);
      at += row;
    }
  }

 private:
  const data::GridStore& store_;
  std::vector<const data::GridImage*> grids_;  // by image of the split
};

class NoImages : public ImageSource {
 public:
  void load(const BatchPlan&, Batch&) const override {}
};

}  // namespace

void require_one_size(const vision::ImageTransformOptions& options) {
  if (vision::ImageSize::parse(options.size).is_square()) return;
  data::refuse_value("image-size", "'" + options.size + "'",
                     "a square, such as 448, or grid features: a batch holds images of one size");
}

std::unique_ptr<const ImageSource> image_source(const data::Split& split, const ModelImpl& model,
                                                const data::GridStore* store, const vision::AugmentOptions& augment) {
  if (model.blind()) return std::make_unique<NoImages>();
  if (store != nullptr) return std::make_unique<StoredGrids>(split, *store);
  return std::make_unique<PictureFiles>(split, model.transform(), augment);
}

}  // namespace vqa
