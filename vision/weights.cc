#include "vision/weights.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "data/printable.h"

namespace vision {
namespace {

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

std::string describe(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes() << " " << tensor.dtype();
  return text.str();
}

/// `name` is the file's.
void check_fits(const std::string& name, const torch::Tensor& theirs, const torch::Tensor& ours,
                const LoadOptions& options) {
  if (theirs.sizes() == ours.sizes() && theirs.is_floating_point() == ours.is_floating_point()) return;
  throw std::runtime_error(options.file + ": " + data::printable(name) + " is " + describe(theirs) +
                           ", the network needs " + describe(ours) + "; use the file of this very network");
}

}  // namespace

data::TensorFile network_tensors(const torch::nn::Module& network) {
  data::TensorFile file;
  for (const auto& item : network.named_parameters()) file.tensors[item.key()] = item.value().detach();
  for (const auto& item : network.named_buffers()) file.tensors[item.key()] = item.value().detach();
  return file;
}

std::string find_prefix(const torch::nn::Module& network, const data::TensorFile& file) {
  const data::TensorFile ours = network_tensors(network);
  std::map<std::string, int64_t> found;  // how many of the network's names, by prefix
  for (const auto& [name, tensor] : file.tensors) {
    for (size_t begin = 0; begin != std::string::npos;) {
      if (ours.tensors.contains(name.substr(begin))) ++found[name.substr(0, begin)];
      const size_t dot = name.find('.', begin);
      begin = dot == std::string::npos ? dot : dot + 1;
    }
  }
  const auto best = std::max_element(found.begin(), found.end(), [](const auto& one, const auto& other) {
    // On a tie the earlier one wins, so that the shorter must count as more.
    return std::pair(one.second, -std::ssize(one.first)) < std::pair(other.second, -std::ssize(other.first));
  });
  return best == found.end() ? "" : best->first;
}

LoadReport load_weights(torch::nn::Module& network, const data::TensorFile& file, const LoadOptions& options) {
  const data::TensorFile ours = network_tensors(network);
  LoadReport report;
  report.prefix = options.prefix ? *options.prefix : find_prefix(network, file);
  for (const auto& [full_name, tensor] : file.tensors) {
    if (!full_name.starts_with(report.prefix)) {
      ++report.elsewhere;
      continue;
    }
    const std::string name = full_name.substr(report.prefix.size());
    const auto found = ours.tensors.find(name);
    if (found == ours.tensors.end()) {
      report.unexpected.push_back(name);
    } else {
      check_fits(full_name, tensor, found->second, options);
    }
  }
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : ours.tensors) {
    const auto found = file.tensors.find(report.prefix + name);
    if (found != file.tensors.end()) {
      tensor.copy_(found->second);
    } else if (!is_counter(name)) {
      report.missing.push_back(name);
    }
  }
  return report;
}

}  // namespace vision
