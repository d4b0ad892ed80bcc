#include "data/torch_pickle.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <vector>

#include "data/mapped_tensor.h"
#include "data/printable.h"

namespace data {
namespace {

struct NamedType {
  std::string_view storage;  // torch's class of storages of this type; "" where it has none
  std::string_view tensor;   // torch's class of tensors before 0.4
  std::string_view dtype;
  torch::ScalarType type;
};

constexpr auto kTypes = std::to_array<NamedType>({
    {"FloatStorage", "FloatTensor", "float32", torch::kFloat32},
    {"DoubleStorage", "DoubleTensor", "float64", torch::kFloat64},
    {"HalfStorage", "HalfTensor", "float16", torch::kFloat16},
    {"BFloat16Storage", "BFloat16Tensor", "bfloat16", torch::kBFloat16},
    {"LongStorage", "LongTensor", "int64", torch::kInt64},
    {"IntStorage", "IntTensor", "int32", torch::kInt32},
    {"ShortStorage", "ShortTensor", "int16", torch::kInt16},
    {"CharStorage", "CharTensor", "int8", torch::kInt8},
    {"ByteStorage", "ByteTensor", "uint8", torch::kUInt8},
    {"BoolStorage", "BoolTensor", "bool", torch::kBool},
    {"ComplexFloatStorage", "", "complex64", torch::kComplexFloat},
    {"ComplexDoubleStorage", "", "complex128", torch::kComplexDouble},
    {"", "", "float8_e4m3fn", torch::kFloat8_e4m3fn},
    {"", "", "float8_e4m3fnuz", torch::kFloat8_e4m3fnuz},
    {"", "", "float8_e5m2", torch::kFloat8_e5m2},
    {"", "", "float8_e5m2fnuz", torch::kFloat8_e5m2fnuz},
    {"", "", "float8_e8m0fnu", torch::kFloat8_e8m0fnu},
    {"", "", "uint16", torch::kUInt16},
    {"", "", "uint32", torch::kUInt32},
    {"", "", "uint64", torch::kUInt64},
});

// Bytes without a type: a tensor's own arguments say it.
constexpr std::string_view kUntyped = "torch.storage.UntypedStorage";

constexpr std::string_view kRebuild = "torch._utils._rebuild_tensor";  // storage, offset, sizes, strides
constexpr std::string_view kRebuild2 = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kRebuild3 = "torch._utils._rebuild_tensor_v3";  // the seventh is a dtype
constexpr std::string_view kParameter = "torch.nn.parameter.Parameter";    // a tensor and more, or such a state
constexpr auto kWrappers = std::to_array<std::string_view>(
    {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", kParameter});
constexpr std::string_view kTypeTag = "torch.jit._pickle.restore_type_tag";  // a container and its type's name

constexpr auto kMappings = std::to_array<std::string_view>({"collections.OrderedDict", "collections.Counter"});
// Beside weights, and of no use here.
constexpr auto kIgnored = std::to_array<std::string_view>({
    "_codecs.encode",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.frozenset",
    "builtins.set",
    "torch.Size",
    "torch.device",
    "torch.jit._pickle.build_boollist",
    "torch.jit._pickle.build_doublelist",
    "torch.jit._pickle.build_intlist",
    "torch.jit._pickle.build_tensorlist",
});

// Where checkpoints keep the weights; the averaged ones come last.
constexpr auto kStateKeys = std::to_array<std::string_view>(
    {"state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "params", "weights", "ema",
     "model_ema", "ema_state_dict", "state_dict_ema", "params_ema"});

constexpr size_t kOldParts = 4;           // storage, offset, sizes, strides
constexpr int kMaxDepth = 100;            // of names within names
constexpr size_t kMaxName = 1000;         // bytes
constexpr size_t kVisitBytes = 64;        // of joined names that count as another visit
constexpr size_t kMaxVisits = 5'000'000;  // containers that share others could be walked for ever

template <class Names>
bool is_among(std::string_view name, const Names& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The type whose name in the column `field` stands after "torch." or "torch.cuda."; nullptr for any other name.
const NamedType* find_type(std::string_view name, std::string_view NamedType::*field) {
  constexpr std::string_view kModule = "torch.";
  constexpr std::string_view kCudaModule = "torch.cuda.";
  if (!name.starts_with(kModule)) return nullptr;
  name.remove_prefix((name.starts_with(kCudaModule) ? kCudaModule : kModule).size());
  if (name.empty()) return nullptr;
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(), [&](const NamedType& t) { return t.*field == name; });
  return found == kTypes.end() ? nullptr : found;
}

bool is_old_tensor(std::string_view name) { return find_type(name, &NamedType::tensor) != nullptr; }

bool is_rebuilt(std::string_view name) { return name == kRebuild || name == kRebuild2 || name == kRebuild3; }

bool is_tensor(const PickleValue& value) {
  const auto* call = value.as<PickleCall>();
  if (call == nullptr) return false;
  const std::string_view name = call->callee->name;
  return is_rebuilt(name) || is_among(name, kWrappers) || is_old_tensor(name);
}

/// Whole numbers in a tuple, a list or a torch.Size.
std::optional<std::vector<int64_t>> numbers(const PickleValue& value) {
  const PickleItems* items = nullptr;
  if (const auto* tuple = value.as<PickleTuple>()) items = &tuple->items;
  if (const auto* list = value.as<PickleList>()) items = &list->items;
  if (const auto* call = value.as<PickleCall>(); call != nullptr && call->callee->name == "torch.Size") {
    const PickleItems& arguments = call->arguments->items;
    const auto* tuple = arguments.empty() ? nullptr : arguments.front()->as<PickleTuple>();
    if (tuple != nullptr) items = &tuple->items;
  }
  if (items == nullptr) return std::nullopt;
  std::vector<int64_t> all;
  for (const PickleValue* item : *items) {
    const auto* number = item->as<int64_t>();
    if (number == nullptr) return std::nullopt;
    all.push_back(*number);
  }
  return all;
}

/// Builds the tensor of one name.
class TensorBuilder {
 public:
  TensorBuilder(const std::string& name, const TorchPickleOptions& options) : name_(name), options_(options) {}

  torch::Tensor build(const PickleValue& value) const {
    const Parts parts = parts_of(value);
    const PickleItems& items = *parts.items;
    const auto* persistent = items[0]->as<PicklePersistent>();
    const auto* offset = items[1]->as<int64_t>();
    const auto sizes = numbers(*items[2]);
    const auto strides = numbers(*items[3]);
    if (persistent == nullptr || offset == nullptr || !sizes || !strides) fail_parts();
    const StorageName storage = storage_name(*persistent, options_.source);
    const torch::ScalarType type = parts.typed ? dtype(*items[6]) : storage.type;
    const size_t metadata = parts.typed ? 7 : 6;
    const auto* flags = items.size() > metadata ? items[metadata]->as<PickleDict>() : nullptr;
    if (flags != nullptr && !flags->entries.empty()) fail("is a conjugated or negated view; save a copy of it");

    const torch::Tensor bytes = options_.storage(storage);
    int64_t claimed = 0;
    if (__builtin_mul_overflow(storage.elements, element_size(storage.type), &claimed) || claimed > bytes.numel()) {
      fail("has a storage of " + std::to_string(storage.elements) + " elements, of which the file holds " +
           std::to_string(bytes.numel()) + " bytes");
    }
    check_view(claimed / element_size(type), *offset, {*sizes, *strides});
    return torch::empty({0}, type).set_(bytes.storage(), *offset, *sizes, *strides);
  }

 private:
  /// What a tensor is made of: storage, offset, sizes, strides, ...; a dtype as the seventh where `typed`.
  struct Parts {
    const PickleItems* items = nullptr;
    bool typed = false;
  };
  struct Layout {
    const std::vector<int64_t>& sizes;
    const std::vector<int64_t>& strides;
  };

  static int64_t element_size(torch::ScalarType type) { return static_cast<int64_t>(torch::elementSize(type)); }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(options_.source + ": tensor '" + printable(name_) + "' " + what);
  }
  [[noreturn]] void fail_parts() const { fail("is not made of a storage, an offset, sizes and strides"); }

  Parts parts_of(const PickleValue& value) const {
    const PickleValue* inner = &value;
    for (int depth = 0; depth < kMaxDepth && is_tensor(*inner); ++depth) {
      const PickleCall& call = *inner->as<PickleCall>();
      const std::string_view name = call.callee->name;
      const PickleItems* items = &call.arguments->items;
      const auto* state = call.state == nullptr ? nullptr : call.state->as<PickleTuple>();
      const bool parameter = is_among(name, kWrappers);
      // Before 0.4 tensors and parameters were made empty, and got their parts or their tensor as a state.
      const bool stateful = state != nullptr && (is_old_tensor(name) || (parameter && items->empty()));
      if (stateful) items = &state->items;
      if (!parameter || (stateful && items->size() == kOldParts)) {
        const bool typed = name == kRebuild3;
        if (items->size() < (typed ? 7 : kOldParts)) fail_parts();
        return {items, typed};
      }
      if (items->empty()) fail_parts();
      inner = items->front();
    }
    fail_parts();
  }

  torch::ScalarType dtype(const PickleValue& value) const {
    const auto* name = value.as<PickleName>();
    const NamedType* type = name == nullptr ? nullptr : find_type(name->name, &NamedType::dtype);
    if (type == nullptr) fail("has no known dtype");
    return type->type;
  }

  /// Refuses a view that reaches beyond `elements`.
  void check_view(int64_t elements, int64_t offset, const Layout& layout) const {
    if (layout.sizes.size() != layout.strides.size()) fail("has not as many strides as sizes");
    const std::optional<int64_t> count = element_count(layout.sizes);
    if (!count || *count > options_.file_bytes) fail("has impossible sizes");
    if (offset < 0 || offset > elements) fail("begins beyond its storage");
    int64_t last = offset;
    for (size_t i = 0; i < layout.sizes.size(); ++i) {
      if (layout.strides[i] < 0) fail("has a negative stride");
      int64_t reach = 0;
      if (*count > 0 && (__builtin_mul_overflow(layout.sizes[i] - 1, layout.strides[i], &reach) ||
                         __builtin_add_overflow(last, reach, &last))) {
        fail("reaches beyond its storage");
      }
    }
    if (*count > 0 && last >= elements) fail("reaches beyond its storage");
  }

  const std::string& name_;
  const TorchPickleOptions& options_;
};

/// Finds what has a name and could be a tensor.
class StateFinder {
 public:
  using Found = std::map<std::string, const PickleValue*>;

  explicit StateFinder(const std::string& source) : source_(source) {}

  Found find(const PickleValue& root) {
    const PickleValue* state = &root;
    Found found;
    // A TorchScript module is no checkpoint, whatever its parts are called.
    for (int depth = 0; depth < kMaxDepth && !is_script(*state); ++depth) {
      const PickleValue* inner = find_inner(*state, found);
      if (inner == nullptr) break;
      state = inner;
    }
    if (state == &root) collect(root, "", 0, found);
    return found;
  }

 private:
  static bool is_script(const PickleValue& value) {
    const auto* call = value.as<PickleCall>();
    return call != nullptr && is_script_name(call->callee->name);
  }

  /// The first state within a checkpoint that holds tensors, which are then `found`; nullptr where there is none.
  const PickleValue* find_inner(const PickleValue& checkpoint, Found& found) {
    const PickleEntries entries = entries_of(checkpoint);
    for (const std::string_view wanted : kStateKeys) {
      for (const auto& [key, value] : entries) {
        const auto* name = key->as<PickleString>();
        if (name == nullptr || name->text != wanted || is_tensor(*value)) continue;
        Found inside;
        collect(*value, "", 0, inside);
        if (inside.empty()) continue;
        found = std::move(inside);
        return value;
      }
    }
    return nullptr;
  }

  /// Walks of shared containers must end.
  void count_visits(size_t visits) {
    visits_ += visits;
    if (visits_ > kMaxVisits) fail("has more than 5,000,000 names");
  }

  /// What has a name within `container`.
  PickleEntries entries_of(const PickleValue& container) {
    const PickleValue* value = &container;
    for (int depth = 0; depth < kMaxDepth && value != nullptr; ++depth) {
      if (const auto* dict = value->as<PickleDict>()) return dict->entries;
      const auto* call = value->as<PickleCall>();
      if (call == nullptr) return {};
      const PickleItems& arguments = call->arguments->items;
      if (is_among(std::string_view(call->callee->name), kMappings)) return mapping_entries(*call);
      if (is_script(*value)) {
        value = call->state;
      } else {
        value = call->callee->name == kTypeTag && !arguments.empty() ? arguments.front() : nullptr;
      }
    }
    return {};
  }

  /// Python 3 sets the entries, Python 2 passes a list of pairs.
  PickleEntries mapping_entries(const PickleCall& mapping) {
    PickleEntries entries = mapping.entries;
    const PickleItems& arguments = mapping.arguments->items;
    const auto* pairs = arguments.empty() ? nullptr : arguments.front()->as<PickleList>();
    if (pairs == nullptr) return entries;
    count_visits(pairs->items.size());
    for (const PickleValue* pair : pairs->items) {
      const auto* list = pair->as<PickleList>();
      const auto* tuple = pair->as<PickleTuple>();
      if (list == nullptr && tuple == nullptr) continue;
      const PickleItems& items = list != nullptr ? list->items : tuple->items;
      if (items.size() == 2) entries.emplace_back(items[0], items[1]);
    }
    return entries;
  }

  void collect(const PickleValue& value, const std::string& prefix, int depth, Found& found) {
    if (depth > kMaxDepth) fail("nests its names more than 100 deep");
    const bool script = is_script(value);
    for (const auto& [key, entry] : entries_of(value)) {
      count_visits(1 + prefix.size() / kVisitBytes);
      const auto* name = key->as<PickleString>();
      if (name == nullptr) continue;
      // Before names are joined: one long name can stand in millions of places.
      const size_t size = name->text.size() + (is_tensor(*entry) ? prefix.size() : 0);
      if (size > kMaxName) fail("has a name of more than 1,000 bytes");
      if (is_tensor(*entry)) {
        found[prefix + name->text] = entry;
      } else if (!script || is_script(*entry)) {
        collect(*entry, prefix + name->text + ".", depth + 1, found);
      }
    }
  }

  [[noreturn]] void fail(const std::string& what) const { throw std::runtime_error(source_ + ": its pickle " + what); }

  const std::string& source_;
  size_t visits_ = 0;
};

}  // namespace

bool is_script_name(std::string_view name) { return name.starts_with("__torch__."); }

bool is_weights_name(std::string_view name) {
  return is_rebuilt(name) || is_among(name, kWrappers) || is_among(name, kMappings) || is_among(name, kIgnored) ||
         name == kTypeTag || name == kUntyped || is_old_tensor(name) ||
         find_type(name, &NamedType::storage) != nullptr || find_type(name, &NamedType::dtype) != nullptr;
}

StorageName storage_name(const PicklePersistent& persistent, const std::string& source) {
  const auto fail = [&](const std::string& what) { throw std::runtime_error(source + ": its pickle " + what); };
  // "storage", class, key, device, elements; and before 0.4 a view, where it is a part of another.
  const auto* id = persistent.id->as<PickleTuple>();
  if (id == nullptr || id->items.size() < 5) fail("refers to what is no storage");
  const auto* kind = id->items[0]->as<PickleString>();
  const auto* type_name = id->items[1]->as<PickleName>();
  const auto* key = id->items[2]->as<PickleString>();
  const auto* elements = id->items[4]->as<int64_t>();
  if (kind == nullptr || kind->text != "storage" || type_name == nullptr || key == nullptr || elements == nullptr) {
    fail("refers to what is no storage");
  }
  const NamedType* type = find_type(type_name->name, &NamedType::storage);
  if (type == nullptr && type_name->name != kUntyped) fail("has a storage of the type " + printable(type_name->name));
  if (*elements < 0) fail("has a storage of " + std::to_string(*elements) + " elements");
  if (id->items.size() > 5 && id->items[5]->as<PickleNone>() == nullptr) {
    fail("has a storage within another, as PyTorch before 0.4 wrote them; save it with a newer one");
  }
  return {key->text, type == nullptr ? torch::kUInt8 : type->type, *elements};
}

std::map<std::string, torch::Tensor> named_tensors(const Pickle& pickle, const TorchPickleOptions& options) {
  const StateFinder::Found found = StateFinder(options.source).find(*pickle.root);
  if (found.empty()) {
    throw std::runtime_error(options.source + ": holds no named tensors; save the network's state_dict");
  }
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& [name, value] : found) tensors[name] = TensorBuilder(name, options).build(*value);
  return tensors;
}

}  // namespace data
