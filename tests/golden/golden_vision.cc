#include "tests/golden/golden_vision.h"

#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <tuple>

#include "data/json_file.h"
#include "data/safetensors.h"
#include "tests/golden/fill.h"
#include "vision/image.h"
#include "vision/image_transform.h"
#include "vision/inference_plan.h"
#include "vision/resnet.h"

namespace golden {
namespace {

/// Compares the last grid by one path, of which the larger files hold the first channels and every channel's sum over
/// the cells.
void compare(const std::string& path, const torch::Tensor& grid, const data::TensorFile& expected,
             std::vector<Comparison>& comparisons) {
  const torch::Tensor& expected_grid = expected.at("grid");
  comparisons.push_back({path + "grid", relative_error(grid.slice(1, 0, expected_grid.size(1)), expected_grid)});
  if (expected.tensors.contains("channel_sum"))
    comparisons.push_back({path + "channel_sum", relative_error(grid.sum({2, 3}), expected.at("channel_sum"))});
}

struct ResNetCase {
  std::string name;      // of the file, and of the image's numbers
  std::string backbone;  // as it is called here
  int64_t height = 0;    // of the image
  int64_t width = 0;
};

std::vector<Comparison> resnet(const ResNetCase& c, const std::filesystem::path& folder, uint32_t salt) {
  const data::TensorFile expected = data::read_safetensors(folder / (c.name + ".safetensors"));
  vision::ResNet network(vision::ResNetOptions{c.backbone});
  fill_module(*network, salt);
  network->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor image = 4 * uniform("image." + c.name, {1, 3, c.height, c.width}, salt);
  std::vector<Comparison> comparisons;
  compare("", network->forward(image), expected, comparisons);
  compare("plan.", vision::InferencePlan(network).forward(image), expected, comparisons);
  return comparisons;
}

std::filesystem::path photograph(const std::filesystem::path& data, const std::string& name) {
  for (const char* split : {"train2014", "val2014"}) {
    if (std::filesystem::exists(data / split / name)) return data / split / name;
  }
  throw std::runtime_error(data.string() + ": lacks " + name);
}

/// What of a resized picture the file holds: (64, 64, 3).
torch::Tensor window(const torch::Tensor& image) {
  return image.permute({1, 2, 0}).slice(0, 100, 164).slice(1, 120, 184);
}

}  // namespace

std::vector<Comparison> pil_resize(const std::filesystem::path& folder, uint32_t) {
  const data::TensorFile expected = data::read_safetensors(folder / "pil_resize.safetensors");
  Comparison mean{"decoded_mean", 0, 1e-9}, sizes{"short600 size", 0, 0}, levels{"levels", 0, 1},
      unequal{"unequal bytes", 0, 0.01};
  for (const auto& entry : data::read_json(folder / "pil_resize.json")) {
    const auto name = entry.at("file").get<std::string>();
    const cv::Mat rgb = vision::read_image(photograph(folder / ".." / "vqa2-mini", name));
    const cv::Scalar means = cv::mean(rgb);
    for (int c = 0; c < 3; ++c) {
      const double theirs = entry.at("decoded_mean")[static_cast<size_t>(c)].get<double>();
      mean.error = std::max(mean.error, std::abs(means[c] - theirs) / theirs);
    }
    for (const auto& [kind, rule, size] : {std::tuple{"short600", "grid-feats", "600/1000"},
                                           {"square448", "torchvision", "448"},
                                           {"square288_bicubic", "clip", "288"}}) {
      const torch::Tensor ours = vision::ImageTransform({.rule = rule, .size = size}).resize(rgb);
      if (std::string(kind) == "short600") {
        const bool same = entry.at("short600") == nlohmann::json{ours.size(2), ours.size(1)};
        sizes.error += same ? 0 : 1;
      }
      const torch::Tensor apart =
          (window(ours).to(torch::kInt32) - expected.at(name + "." + kind).to(torch::kInt32)).abs();
      levels.error = std::max(levels.error, apart.max().item<double>());
      unequal.error = std::max(unequal.error, apart.gt(0).to(torch::kFloat64).mean().item<double>());
    }
  }
  return {mean, sizes, levels, unequal};
}

std::vector<Comparison> resnet18(const std::filesystem::path& folder, uint32_t salt) {
  return resnet({"resnet18", "resnet18", 64, 96}, folder, salt);
}
std::vector<Comparison> resnet50(const std::filesystem::path& folder, uint32_t salt) {
  return resnet({"resnet50", "resnet50", 224, 320}, folder, salt);
}
std::vector<Comparison> resnet101(const std::filesystem::path& folder, uint32_t salt) {
  return resnet({"resnet101", "resnet101", 97, 131}, folder, salt);
}
std::vector<Comparison> resnet152(const std::filesystem::path& folder, uint32_t salt) {
  return resnet({"resnet152", "resnet152", 224, 224}, folder, salt);
}
std::vector<Comparison> clip_rn50(const std::filesystem::path& folder, uint32_t salt) {
  return resnet({"clip_rn50", "clip-rn50", 224, 320}, folder, salt);
}
std::vector<Comparison> clip_rn50x4(const std::filesystem::path& folder, uint32_t salt) {
  return resnet({"clip_rn50x4", "clip-rn50x4", 129, 161}, folder, salt);
}

}  // namespace golden
