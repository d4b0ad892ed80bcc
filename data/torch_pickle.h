// What PyTorch's pickles say: which tensors a checkpoint holds under which names, and where their numbers lie.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "data/pickle.h"

namespace data {

/// Whether a file of weights may name this: what tensors, their types and storages, and plain containers are rebuilt
/// from. A TorchScript archive has its own classes too, whose names begin with "__torch__.".
bool is_weights_name(std::string_view name);
bool is_script_name(std::string_view name);

/// A run of numbers that tensors share, kept outside the pickle.
struct StorageName {
  std::string key;
  torch::ScalarType type = torch::kUInt8;
  int64_t elements = 0;
};

/// What a pickle's persistent id names. Throws std::runtime_error that begins with `source` where it is no storage.
StorageName storage_name(const PicklePersistent& persistent, const std::string& source);

struct TorchPickleOptions {
  std::string source;      // what messages begin with, the file's path
  int64_t file_bytes = 0;  // no tensor has more elements than this
  /// (bytes) uint8: the storage's memory, shared by all tensors that view it; throws where there is none.
  std::function<torch::Tensor(const StorageName& name)> storage;
};

/// The named tensors of a pickle. Where it is a checkpoint, those of its state_dict: the dictionary under the first of
/// `state_dict`, `model_state_dict`, `model_state`, `model`, `net`, `network`, `module`, `params`, `weights` and the
/// same for averaged weights (`ema`, `model_ema`, `ema_state_dict`, `state_dict_ema`, `params_ema`) that holds tensors;
/// else the whole. Names within names are joined by dots, as are the attributes of TorchScript modules; whatever is no
/// tensor or has no name (numbers, strings, lists, an optimizer's state) is left out. Tensors are views of their
/// storages. Throws std::runtime_error that begins with `source` where there is no named tensor, or one of them has
/// sizes, strides or an offset that do not fit its storage.
std::map<std::string, torch::Tensor> named_tensors(const Pickle& pickle, const TorchPickleOptions& options);

}  // namespace data
