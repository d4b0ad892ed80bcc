#include "vqa/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/atomic_file.h"
#include "data/safetensors.h"
#include "tests/data/error_of.h"
#include "tests/vqa/small_model.h"

namespace vqa {
namespace {

using testing::HasSubstr;

class BundleTest : public testing::Test {
 protected:
  BundleTest() {
    bundle_.record = {3, 99, 51.25};
    std::filesystem::create_directory(folder_ / "model");
    bundle_.write(folder_ / "model");
  }

  TemporaryFolder folder_;
  data::Split split_ = data::Split::open(small_data(folder_), "train");
  Bundle bundle_ = small_bundle(split_);
};

TEST_F(BundleTest, ReadsWhatItWrote) {
  const Bundle read = Bundle::load(folder_ / "model");
  for (const auto& item : bundle_.model->named_parameters()) {
    EXPECT_TRUE(torch::equal(item.value(), read.model->named_parameters()[item.key()])) << item.key();
  }
  EXPECT_EQ(read.answers.size(), bundle_.answers.size());
  EXPECT_EQ(read.tokenizer->encode("how many circles are there?"),
            bundle_.tokenizer->encode("how many circles are there?"));
  EXPECT_EQ(read.record.epochs, 3);
  EXPECT_EQ(read.record.steps, 99);
  EXPECT_DOUBLE_EQ(read.record.accuracy, 51.25);
  EXPECT_FALSE(read.model->is_training());
}

TEST_F(BundleTest, AnswersAlikeHoweverItIsRead) {
  const std::vector<int64_t> tokens = bundle_.tokenizer->encode("how many circles are there?");
  Batch batch;
  batch.images = torch::randint(256, {1, 3, 64, 64}, torch::kUInt8);
  batch.image_index = torch::zeros({1}, torch::kInt64);
  batch.set_tokens({tokens});
  const torch::NoGradGuard no_grad;
  bundle_.model->eval();
  const torch::Tensor expected = bundle_.model->forward(batch).logits;
  EXPECT_TRUE(torch::equal(Bundle::load(folder_ / "model").model->forward(batch).logits, expected));
  const Bundle answering = Bundle::load_for_inference(folder_ / "model");
  EXPECT_TRUE(answering.model->backbone().is_empty());
  EXPECT_TRUE(answering.model->sees_pictures());
  Model model = answering.model;
  EXPECT_LT((model->forward(batch).logits - expected).abs().max().item<double>(), 1e-4);
}

TEST_F(BundleTest, NamesTheTensorThatIsMissingHoweverItIsRead) {
  const auto path = folder_ / "model" / "model.safetensors";
  data::TensorFile file = data::read_safetensors(path);
  file.tensors.erase("backbone.conv1.weight");
  data::write_safetensors(path, file);
  const std::string lacks = "model.safetensors: lacks tensor 'backbone.conv1.weight' (1 such)";
  EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle::load(folder_ / "model"); }), HasSubstr(lacks));
  EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle::load_for_inference(folder_ / "model"); }), HasSubstr(lacks));
}

// The sum of these is infinite.
TEST_F(BundleTest, TakesLargeNumbers) {
  torch::NoGradGuard no_grad;
  bundle_.model->named_parameters()["classifier.bias"].fill_(std::numeric_limits<float>::max());
  bundle_.write(folder_ / "model");
  EXPECT_NO_THROW(Bundle::load(folder_ / "model"));
}

TEST_F(BundleTest, KeepsTheBackboneThatItWasGivenAndNoOther) {
  data::write_file(folder_ / "weights", "abc");
  bundle_.backbone_weights = folder_ / "weights";
  bundle_.grids.weights_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // of abc
  Bundle other = bundle_;
  bundle_.keep_backbone_in(folder_ / "model");
  EXPECT_EQ(bundle_.backbone_weights, folder_ / "model" / "backbone.weights");
  std::filesystem::remove(folder_ / "weights");
  std::filesystem::create_directory(folder_ / "copy");
  bundle_.write(folder_ / "copy");
  EXPECT_TRUE(std::filesystem::equivalent(folder_ / "copy" / "backbone.weights", bundle_.backbone_weights));
  data::write_file(folder_ / "weights", "abd");
  EXPECT_THAT(error_of<std::runtime_error>([&] { other.keep_backbone_in(folder_ / "model"); }),
              HasSubstr("weights: was changed while it was copied"));
}

TEST_F(BundleTest, NamesTheFileThatIsMissing) {
  for (const char* file : {"config.json", "answers.txt", "model.safetensors", "words.txt"}) {
    bundle_.write(folder_ / "model");
    std::filesystem::remove(folder_ / "model" / file);
    EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle::load(folder_ / "model"); }), HasSubstr(file));
  }
}

// Format 1 had the image's mean and deviation where format 2 has a rule's name.
TEST_F(BundleTest, RefusesAnotherFormat) {
  const auto path = folder_ / "model" / "config.json";
  const std::string written = data::read_file(path);
  for (const char* format : {"1", "3"}) {
    std::string text = written;
    text.replace(text.find("\"format\": 2"), 11, std::string("\"format\": ") + format);
    data::write_file(path, text);
    EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle::load(folder_ / "model"); }),
                HasSubstr(std::string("has format ") + format));
  }
}

TEST_F(BundleTest, NoticesFilesOfAnotherModel) {
  data::write_file(folder_ / "model" / "answers.txt", "yes\nno\n");
  EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle::load(folder_ / "model"); }),
              HasSubstr("answers.txt: holds 2 entries"));
}

// Such weights used to give "nan %".
TEST_F(BundleTest, RefusesWeightsThatAreNoNumbers) {
  torch::NoGradGuard no_grad;
  bundle_.model->named_parameters()["classifier.bias"][0] = std::numeric_limits<float>::quiet_NaN();
  bundle_.write(folder_ / "model");
  EXPECT_THAT(error_of<std::runtime_error>([&] { Bundle::load(folder_ / "model"); }), HasSubstr("not finite"));
}

TEST_F(BundleTest, TheSeedMakesTheWeights) {
  Config other = small_config();
  EXPECT_TRUE(torch::equal(small_bundle(split_).model->parameters()[0], bundle_.model->parameters()[0]));
  other.training.seed = 2;
  EXPECT_FALSE(torch::equal(small_bundle(split_, other).model->parameters()[0], bundle_.model->parameters()[0]));
}

}  // namespace
}  // namespace vqa
