#include "vision/backbone_file.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "data/printable.h"
#include "data/weights.h"

namespace vision {
namespace fs = std::filesystem;

namespace {

void add(data::TensorFile& file, const std::string& prefix, const ConvolutionShape& shape) {
  const auto put = [&](const std::string& name, at::IntArrayRef sizes, at::ScalarType type) {
    file.tensors[prefix + name] = torch::empty(sizes, torch::dtype(type).device(torch::kMeta));
  };
  put(shape.name + ".weight", {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel}, torch::kFloat32);
  for (const char* leaf : {".weight", ".bias", ".running_mean", ".running_var"})
    put(shape.norm + leaf, {shape.out}, torch::kFloat32);
  put(shape.norm + ".num_batches_tracked", {}, torch::kInt64);
}

/// "'a', 'b', 'c' and 4 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += (i == 0 ? "'" : ", '") + data::printable(names[i]) + "'";
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

/// Names that stand within one of the backbone's own parts, as another kind of network has them.
std::vector<std::string> foreign_of(const data::TensorFile& wanted, const std::vector<std::string>& unexpected) {
  const auto part_of = [](const std::string& name) { return name.substr(0, name.find('.')); };
  std::set<std::string> parts;
  for (const auto& [name, tensor] : wanted.tensors) parts.insert(part_of(name));
  std::vector<std::string> foreign;
  for (const std::string& name : unexpected) {
    if (parts.contains(part_of(name))) foreign.push_back(name);
  }
  return foreign;
}

/// A file may hold a network twice, as it was trained and its moving average: which one is meant only its owner knows.
void refuse_second(const data::TensorFile& wanted, const data::TensorFile& file, const std::string& prefix,
                   const fs::path& path) {
  data::TensorFile rest;
  for (const auto& [name, tensor] : file.tensors) {
    if (!name.starts_with(prefix) || !wanted.tensors.contains(name.substr(prefix.size()))) rest.tensors[name] = tensor;
  }
  const std::string second = find_prefix(wanted, rest);
  if (!data::missing_names(wanted, rest, second).empty()) return;
  throw std::runtime_error(path.string() + ": holds two such networks, their names beginning with '" +
                           data::printable(prefix) + "' and '" + data::printable(second) + "'; save one of them alone");
}

}  // namespace

data::TensorFile backbone_tensors(const ResNetShape& shape) {
  data::TensorFile file;
  for (const ConvolutionShape& each : shape.stem) add(file, "", each);
  for (const std::vector<BlockShape>& blocks : shape.layers) {
    for (const BlockShape& block : blocks) {
      for (const ConvolutionShape& each : block.convolutions) add(file, block.name, each);
      if (block.downsample) add(file, block.name, *block.downsample);
    }
  }
  return file;
}

data::TensorFile read_backbone(const std::string& backbone, const fs::path& weights, std::string* left_over) {
  const data::TensorFile wanted = backbone_tensors(resnet_shape(backbone));
  data::TensorFile file = data::read_tensors(weights);
  const data::LoadReport report = data::match_tensors(wanted, file, {.file = weights.string()});
  for (const auto& [names, what] :
       {std::pair{report.missing, "lacks "}, {foreign_of(wanted, report.unexpected), "holds more than "}}) {
    if (names.empty()) continue;
    throw std::runtime_error(weights.string() + ": " + what + "what " + backbone + " has: " + some_of(names) +
                             "; is it another backbone's?");
  }
  refuse_second(wanted, file, report.prefix, weights);
  if (left_over != nullptr && !report.unexpected.empty())
    *left_over =
        weights.string() + ": also holds " + some_of(report.unexpected) + ", which " + backbone + " has no use for";
  data::TensorFile own;
  for (const auto& [name, tensor] : wanted.tensors) {
    const auto found = file.tensors.find(report.prefix + name);
    if (found != file.tensors.end()) own.tensors[name] = std::move(found->second);
  }
  data::require_finite(own, weights.string());
  return own;
}

}  // namespace vision
