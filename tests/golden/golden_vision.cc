#include "tests/golden/golden_vision.h"

#include "data/safetensors.h"
#include "tests/golden/fill.h"
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

}  // namespace

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
