// Tensors of a file into a network, by name.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/tensor_file.h"

namespace data {

struct LoadOptions {
  std::string file = "the file";  // what messages call the file, usually its path
  // Parameters and buffers become the file's own tensors where number types are the same, instead of copies: a mapped
  // file's come into memory when they are used, but must not be cut short while the network lives.
  bool adopt = false;
  // Names in the file begin with this; tensors without it are only counted. Nothing: find_prefix() says.
  std::optional<std::string> prefix;
};

/// Names without the prefix, sorted.
struct LoadReport {
  std::vector<std::string> missing;     // wanted, not in the file: in a network left as they were
  std::vector<std::string> unexpected;  // in the file, not wanted: for instance a classifier's `fc.weight`
  std::string prefix;                   // the one that was used
  int64_t elsewhere = 0;                // tensors of the file without it: for instance CLIP's text tower
};

/// The prefix under which most of the wanted names are found in the file: "" for a file of this very network, "module."
/// where it was trained in parallel, "visual." for CLIP's files. Of several, the shortest, then the first in the
/// alphabet; "" where no name is found under any.
std::string find_prefix(const TensorFile& wanted, const TensorFile& file);

/// The wanted names that a file lacks under this prefix. Batch norm's counters (`num_batches_tracked`), which old files
/// lack and nothing here uses, are never missing.
std::vector<std::string> missing_names(const TensorFile& wanted, const TensorFile& file, const std::string& prefix);

/// What a file has of the wanted tensors, of which names, shapes and number types are looked at: they may be on
/// LibTorch's device without memory (meta). Throws std::runtime_error where a shape differs (naming both) or whole
/// numbers meet floating-point ones.
LoadReport match_tensors(const TensorFile& wanted, const TensorFile& file, const LoadOptions& options = {});

/// Throws std::runtime_error naming the first tensor that holds an infinity or what is no number. `file` is what the
/// message calls the file.
void require_finite(const TensorFile& tensors, const std::string& file);

/// Copies the file's tensors into the parameters and buffers of `network` that have their names, converting the number
/// type (half precision is widened) and the device. What to make of the report is the caller's. Throws as
/// match_tensors, before anything is copied.
LoadReport load_weights(torch::nn::Module& network, const TensorFile& file, const LoadOptions& options = {});

/// Parameters and buffers of `network` by name, sharing its memory: what load_weights takes back.
TensorFile network_tensors(const torch::nn::Module& network);

}  // namespace data
