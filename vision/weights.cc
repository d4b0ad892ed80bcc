#include "vision/weights.h"

#include <sstream>
#include <stdexcept>

namespace vision {
namespace {

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

std::string describe(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes() << " " << tensor.dtype();
  return text.str();
}

void check_fits(const std::string& name, const torch::Tensor& theirs, const torch::Tensor& ours,
                const LoadOptions& options) {
  if (theirs.sizes() == ours.sizes() && theirs.is_floating_point() == ours.is_floating_point()) return;
  throw std::runtime_error(options.file + ": " + options.prefix + name + " is " + describe(theirs) +
                           ", the network needs " + describe(ours) + "; use the file of this very network");
}

}  // namespace

data::TensorFile network_tensors(const torch::nn::Module& network) {
  data::TensorFile file;
  for (const auto& item : network.named_parameters()) file.tensors[item.key()] = item.value().detach();
  for (const auto& item : network.named_buffers()) file.tensors[item.key()] = item.value().detach();
  return file;
}

LoadReport load_weights(torch::nn::Module& network, const data::TensorFile& file, const LoadOptions& options) {
  const data::TensorFile ours = network_tensors(network);
  LoadReport report;
  for (const auto& [full_name, tensor] : file.tensors) {
    if (!full_name.starts_with(options.prefix)) continue;
    const std::string name = full_name.substr(options.prefix.size());
    const auto found = ours.tensors.find(name);
    if (found == ours.tensors.end()) {
      report.unexpected.push_back(name);
    } else {
      check_fits(name, tensor, found->second, options);
    }
  }
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : ours.tensors) {
    const auto found = file.tensors.find(options.prefix + name);
    if (found != file.tensors.end()) {
      tensor.copy_(found->second);
    } else if (!is_counter(name)) {
      report.missing.push_back(name);
    }
  }
  return report;
}

}  // namespace vision
