#include "tools/commands/runtime.h"

#include <optional>
#include <stdexcept>

#include "tools/commands/usage.h"
#include "vqa/threads.h"

namespace tools {
namespace po = boost::program_options;

void add_runtime_options(po::options_description& description, RuntimeOptions& options) {
  description.add_options()("device", po::value(&options.device)->default_value(options.device), "cpu, cuda or cuda:N")(
      "threads", po::value(&options.threads)->default_value(options.threads),
      "threads of the computation; 0 for one per core")(
      "workers", po::value(&options.workers)->default_value(options.workers), "threads that decode images");
}

void FeatureFlags::add_to(po::options_description& description) {
  description.add_options()("features", po::value(&file),
                            "store of grid features (vqa extract makes one) to read in place of the pictures")(
      "force", po::bool_switch(&force), "use a store even if it was made otherwise than the model's features");
}

std::unique_ptr<const data::GridStore> FeatureFlags::open() const {
  if (force && file.empty())
    throw UsageError("--force is for a store of grid features; give --features, or leave it out");
  return file.empty() ? nullptr : std::make_unique<const data::GridStore>(file);
}

std::string to_flags(const RuntimeOptions& options) {
  const RuntimeOptions defaults;
  std::string flags;
  if (options.device != defaults.device) flags += " --device " + options.device;
  if (options.threads != defaults.threads) flags += " --threads " + std::to_string(options.threads);
  if (options.workers != defaults.workers) flags += " --workers " + std::to_string(options.workers);
  return flags;
}

torch::Device prepare(const RuntimeOptions& options) {
  if (options.threads < 0 || options.threads > 1024) {
    throw UsageError("threads: " + std::to_string(options.threads) + "; allowed is 0 to 1024");
  }
  if (options.workers < 1 || options.workers > 256) {
    throw UsageError("workers: " + std::to_string(options.workers) + "; allowed is 1 to 256");
  }
  if (options.threads > 0) torch::set_num_threads(static_cast<int>(options.threads));
  vqa::bind_computation_threads();
  std::optional<torch::Device> device;
  try {
    device.emplace(options.device);
  } catch (const c10::Error&) {
  }
  if (!device || !(device->is_cpu() || device->is_cuda())) {
    throw UsageError("device: '" + options.device + "'; allowed are cpu, cuda, cuda:N");
  }
  if (device->is_cuda() && device->index() >= static_cast<int>(torch::cuda::device_count())) {
    throw std::runtime_error("device " + options.device +
                             ": no such GPU is usable here; use --device cpu, or a build of "
                             "the cuda preset on a machine with a GPU");
  }
  if (device->is_cuda() && !torch::cuda::is_available()) {
    throw std::runtime_error("device " + options.device + ": this program or machine has no CUDA; use --device cpu");
  }
  return *device;
}

vqa::LoaderOptions loader_options(const RuntimeOptions& options) {
  return {.workers = options.workers, .queue = 2 * options.workers};
}

}  // namespace tools
