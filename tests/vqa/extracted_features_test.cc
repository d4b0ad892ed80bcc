// Features that vqa extract makes, in place of the pictures they were made from.
#include <gtest/gtest.h>

#include "data/grid_store.h"
#include "tests/vqa/small_model.h"
#include "vqa/batch_maker.h"
#include "vqa/extractor.h"
#include "vqa/grid_maker.h"

namespace vqa {
namespace {

namespace fs = std::filesystem;

class ExtractedFeaturesTest : public testing::Test {
 protected:
  /// A model whose backbone is frozen, as --freeze-backbone makes one.
  static Config frozen() {
    Config config = small_config();
    config.model.freeze_backbone = true;
    return config;
  }

  /// A store of the set's training pictures, made by the model's own backbone.
  fs::path extract(const Bundle& bundle) const {
    fs::create_directory(folder_ / "model");
    bundle.write(folder_ / "model");
    GridMaker maker({.backbone = bundle.config.model.backbone,
                     .weights = folder_ / "model/model.safetensors",
                     .image = transform_options(bundle.config.model)});
    const ExtractionPlan plan = plan_extraction({folder_ / "shapes/train2014"},
                                                {.size_of = [&](const fs::path& path) { return maker.size_of(path); }});
    fs::path path = folder_ / "G.h5";
    data::GridStoreWriter writer(path, {maker.provenance(), data::GridStorePlan{}.type, maker.channels(), plan.splits});
    Extractor extractor([&](const torch::Tensor& images) { return maker.backbone()->forward(images); },
                        maker.transform(), {.batch = 5});
    EXPECT_TRUE(extractor.run(plan.images, writer).finished);
    return path;
  }

  TemporaryFolder folder_;
  data::Split split_ = data::Split::open(small_data(folder_), "train");
  Bundle bundle_ = small_bundle(split_, frozen());
};

TEST_F(ExtractedFeaturesTest, GiveTheLogitsOfThePictures) {
  bundle_.model->eval();
  const torch::NoGradGuard no_gradients;
  const data::GridStore store(extract(bundle_));
  ASSERT_EQ(store.type(), data::GridType::kHalf);
  const BatchMaker from_pictures(split_, *bundle_.tokenizer, bundle_.answers, image_source(split_, *bundle_.model));
  const BatchMaker from_store(split_, *bundle_.tokenizer, bundle_.answers,
                              image_source(split_, *bundle_.model, &store));
  int64_t questions = 0;
  for (const BatchPlan& plan : plan_batches(split_, 20)) {
    const torch::Tensor expected = bundle_.model->forward(from_pictures.make(plan)).logits;  // (Q, A)
    const torch::Tensor logits = bundle_.model->forward(from_store.make(plan)).logits;
    EXPECT_LT((logits - expected).abs().max().item<double>(), 1e-3 * expected.abs().max().item<double>());
    EXPECT_FALSE(torch::equal(logits, expected)) << "half precision leaves a trace, or both are from pictures";
    questions += logits.size(0);
  }
  EXPECT_EQ(questions, static_cast<int64_t>(split_.questions().size()));
}

// What is too small a difference for logits must not hide features of other pictures.
TEST_F(ExtractedFeaturesTest, AreThoseOfTheirOwnPicture) {
  bundle_.model->eval();
  const torch::NoGradGuard no_gradients;
  const data::GridStore store(extract(bundle_));
  const std::unique_ptr<const ImageSource> pictures = image_source(split_, *bundle_.model);
  const std::unique_ptr<const ImageSource> grids = image_source(split_, *bundle_.model, &store);
  for (size_t image = 0; image < split_.images().size(); ++image) {
    Batch picture, grid;
    pictures->load({.images = {image}}, picture);
    grids->load({.images = {image}}, grid);
    const torch::Tensor expected = bundle_.model->backbone()
                                       ->forward(bundle_.model->transform().normalize(picture.images))  // (1, C, h, w)
                                       .flatten(2)
                                       .transpose(1, 2);  // (1, n, C)
    EXPECT_LT((grid.grid - expected).abs().max().item<double>(), 1e-3 * expected.abs().max().item<double>()) << image;
  }
}

}  // namespace
}  // namespace vqa
