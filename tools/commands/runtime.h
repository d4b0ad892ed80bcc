// Where and with how many threads a command works.
#pragma once

#include <torch/torch.h>

#include <boost/program_options.hpp>
#include <memory>
#include <string>

#include "data/grid_store.h"
#include "vqa/batch_loader.h"

namespace tools {

struct RuntimeOptions {
  std::string device = "cpu";  // cpu, cuda or cuda:N
  int64_t threads = 0;         // of the computation; 0 for one per core
  int64_t workers = 2;         // threads that decode images
};

/// --device, --threads and --workers, into `options`.
void add_runtime_options(boost::program_options::options_description& description, RuntimeOptions& options);

// Of --weights, where a model is asked about pictures.
inline constexpr const char* kSightWeightsHelp =
    "for a model trained on grid features that holds no backbone: the weights that made the features";

/// --features and --force.
struct FeatureFlags {
  std::string file;
  bool force = false;

  void add_to(boost::program_options::options_description& description);
  /// The store, if one is named. Throws as data::GridStore does, and UsageError for --force without one.
  std::unique_ptr<const data::GridStore> open() const;
};

/// The flags that differ from the defaults, each with a blank before it: " --threads 1".
std::string to_flags(const RuntimeOptions& options);

/// Sets the number of threads and gives the device. Throws UsageError for an unknown device or number and
/// std::runtime_error where the device is not there.
torch::Device prepare(const RuntimeOptions& options);

vqa::LoaderOptions loader_options(const RuntimeOptions& options);

}  // namespace tools
