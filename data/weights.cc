#include "data/weights.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "data/printable.h"

namespace data {
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
  throw std::runtime_error(options.file + ": " + printable(name) + " is " + describe(theirs) + ", the network needs " +
                           describe(ours) + "; use the file of this very network");
}

/// The network's own, not copies.
std::map<std::string, torch::Tensor> parameters_and_buffers(const torch::nn::Module& network) {
  std::map<std::string, torch::Tensor> all;
  for (const auto& item : network.named_parameters()) all[item.key()] = item.value();
  for (const auto& item : network.named_buffers()) all[item.key()] = item.value();
  return all;
}

}  // namespace

TensorFile network_tensors(const torch::nn::Module& network) {
  TensorFile file;
  for (const auto& [name, tensor] : parameters_and_buffers(network)) file.tensors[name] = tensor.detach();
  return file;
}

std::string find_prefix(const TensorFile& wanted, const TensorFile& file) {
  std::map<std::string, int64_t> found;  // how many of the wanted names, by prefix
  for (const auto& [name, tensor] : file.tensors) {
    for (size_t begin = 0; begin != std::string::npos;) {
      if (wanted.tensors.contains(name.substr(begin))) ++found[name.substr(0, begin)];
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

std::vector<std::string> missing_names(const TensorFile& wanted, const TensorFile& file, const std::string& prefix) {
  std::vector<std::string> missing;
  for (const auto& [name, tensor] : wanted.tensors) {
    if (!is_counter(name) && !file.tensors.contains(prefix + name)) missing.push_back(name);
  }
  return missing;
}

LoadReport match_tensors(const TensorFile& wanted, const TensorFile& file, const LoadOptions& options) {
  LoadReport report;
  report.prefix = options.prefix ? *options.prefix : find_prefix(wanted, file);
  for (const auto& [full_name, tensor] : file.tensors) {
    if (!full_name.starts_with(report.prefix)) {
      ++report.elsewhere;
      continue;
    }
    const std::string name = full_name.substr(report.prefix.size());
    const auto found = wanted.tensors.find(name);
    if (found == wanted.tensors.end()) {
      report.unexpected.push_back(name);
    } else {
      check_fits(full_name, tensor, found->second, options);
    }
  }
  report.missing = missing_names(wanted, file, report.prefix);
  return report;
}

void require_finite(const TensorFile& tensors, const std::string& file) {
  for (const auto& [name, tensor] : tensors.tensors) {
    if (!tensor.is_floating_point()) continue;
    const torch::Tensor numbers =
        tensor.element_size() == 1 ? tensor.to(torch::kFloat32) : tensor;  // float8 has no sum
    // The sum needs one pass and no memory, but finite numbers can have an infinite one.
    if (std::isfinite(numbers.sum().item<double>()) || torch::isfinite(numbers).all().item<bool>()) continue;
    throw std::runtime_error(file + ": tensor '" + printable(name) +
                             "' holds numbers that are not finite; it is damaged");
  }
}

LoadReport load_weights(torch::nn::Module& network, const TensorFile& file, const LoadOptions& options) {
  const TensorFile ours = network_tensors(network);
  LoadReport report = match_tensors(ours, file, options);
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : parameters_and_buffers(network)) {
    const auto found = file.tensors.find(report.prefix + name);
    if (found == file.tensors.end()) continue;
    const torch::Tensor& theirs = found->second;
    if (options.adopt && theirs.device() == tensor.device() && theirs.scalar_type() == tensor.scalar_type()) {
      tensor.set_data(theirs);
    } else {
      tensor.copy_(theirs);
    }
  }
  return report;
}

}  // namespace data
