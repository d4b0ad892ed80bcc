// Python's pickles as trees: values, containers, and calls that nobody makes.
// The format: Lib/pickletools.py of Python 3.11 describes its opcodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace data {

struct PickleValue;
using PickleItems = std::vector<const PickleValue*>;
using PickleEntries = std::vector<std::pair<const PickleValue*, const PickleValue*>>;  // key, value

struct PickleNone {};
/// A whole number beyond 64 bits: two's complement, little endian.
struct PickleBigInteger {
  std::string bytes;
};
/// UTF-8, or what Python 2 called a string.
struct PickleString {
  std::string text;
};
struct PickleBytes {
  std::string bytes;
};
struct PickleList {
  PickleItems items;
};
struct PickleTuple {
  PickleItems items;
};
struct PickleSet {
  PickleItems items;
};
/// In the order of the file; a key that comes twice stands twice.
struct PickleDict {
  PickleEntries entries;
};
/// A class or function, "module.name" (`__builtin__` is called builtins). Nothing is looked up.
struct PickleName {
  std::string name;
};
/// What Python would make by calling `callee` with `arguments`; and what the pickle would then do to it.
struct PickleCall {
  const PickleName* callee;
  const PickleTuple* arguments;
  const PickleValue* state = nullptr;  // of __setstate__, or the attributes
  PickleItems items;                   // appended
  PickleEntries entries;               // set by key
};
/// An object that the pickle's writer keeps elsewhere, known to the reader by `id`.
struct PicklePersistent {
  const PickleValue* id;
};

struct PickleValue
    : std::variant<PickleNone, bool, int64_t, double, PickleBigInteger, PickleString, PickleBytes, PickleList,
                   PickleTuple, PickleSet, PickleDict, PickleName, PickleCall, PicklePersistent> {
  using variant::variant;
  /// The value as a T, or nullptr where it is of another kind.
  template <class T>
  const T* as() const {
    return std::get_if<T>(static_cast<const variant*>(this));
  }
  template <class T>
  T* as() {
    return std::get_if<T>(static_cast<variant*>(this));
  }
};

/// A pickle and all its values. Containers may share values and may hold themselves; whoever walks them must bound the
/// walk. Movable: pointers to values stay valid.
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
  size_t size = 0;  // bytes it took; more may follow

  Pickle() = default;
  Pickle(Pickle&&) = default;
  Pickle& operator=(Pickle&&) = default;
};

/// Reads the pickle that begins at `bytes`. Every name in it must satisfy `is_allowed`; nothing is ever imported,
/// called or allocated by a size that the file claims. Throws std::runtime_error of one line that begins with `source`,
/// where the pickle names anything else (with that name), is truncated or damaged, uses what torch.save never writes,
/// or holds more than 5,000,000 values.
Pickle read_pickle(std::string_view bytes, const std::string& source,
                   const std::function<bool(std::string_view name)>& is_allowed);

}  // namespace data
