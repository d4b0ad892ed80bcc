#include "tests/golden/golden_vision.h"

#include "data/safetensors.h"
#include "tests/golden/fill.h"
#include "vision/resnet.h"

namespace golden {
namespace {

/// Compares the last grid, of which the larger files hold the first channels and every channel's sum over the cells.
std::vector<Comparison> resnet(const std::string& backbone, const std::filesystem::path& folder, uint32_t salt,
                               const std::array<int64_t, 2>& image_size) {
  const data::TensorFile expected = data::read_safetensors(folder / (backbone + ".safetensors"));
  vision::ResNet network(vision::ResNetOptions{backbone});
  fill_module(*network, salt);
  network->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor image = 4 * uniform("image." + backbone, {1, 3, image_size[0], image_size[1]}, salt);
  const torch::Tensor grid = network->forward(image);
  const torch::Tensor& expected_grid = expected.at("grid");
  std::vector<Comparison> comparisons;
  comparisons.push_back({"grid", relative_error(grid.slice(1, 0, expected_grid.size(1)), expected_grid)});
  if (expected.tensors.contains("channel_sum"))
    comparisons.push_back({"channel_sum", relative_error(grid.sum({2, 3}), expected.at("channel_sum"))});
  return comparisons;
}

}  // namespace

std::vector<Comparison> resnet18(const std::filesystem::path& folder, uint32_t salt) {
  return resnet("resnet18", folder, salt, {64, 96});
}
std::vector<Comparison> resnet50(const std::filesystem::path& folder, uint32_t salt) {
  return resnet("resnet50", folder, salt, {224, 320});
}
std::vector<Comparison> resnet101(const std::filesystem::path& folder, uint32_t salt) {
  return resnet("resnet101", folder, salt, {97, 131});
}
std::vector<Comparison> resnet152(const std::filesystem::path& folder, uint32_t salt) {
  return resnet("resnet152", folder, salt, {224, 224});
}

}  // namespace golden
