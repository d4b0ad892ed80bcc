#include "data/pickle.h"

#include <array>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <unordered_map>

#include "data/printable.h"

namespace data {
namespace {

constexpr size_t kMaxValues = 5'000'000;
constexpr size_t kMaxName = 1000;  // bytes

/// Python's pickle machine: a stack, marks on it and a memo. All three grow by at most one entry for a byte read.
class Machine {
 public:
  Machine(std::string_view bytes, const std::string& source, const std::function<bool(std::string_view)>& is_allowed)
      : bytes_(bytes), source_(source), is_allowed_(is_allowed) {}

  Pickle run();

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(source_ + ": its pickle " + what + " (byte " + std::to_string(opcode_at_ + 1) + " of it)");
  }

  // The file.
  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) fail("ends early, as in a truncated file");
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }
  std::string_view line() {
    const size_t end = bytes_.find('\n', at_);
    const std::string_view text = take((end == bytes_.npos ? bytes_.size() + 1 : end) - at_);
    ++at_;
    return text;
  }
  uint64_t little_endian(size_t count) {
    const std::string_view digits = take(count);
    uint64_t value = 0;
    for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
    return value;
  }
  template <class Number>
  Number number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) fail("holds '" + printable(text) + "' for a number");
    return value;
  }
  /// A string as protocol 0 writes it; torch.save never does, so what only appears there is not decoded.
  std::string_view plain(std::string_view text) {
    if (text.find('\\') != text.npos) fail("holds an escaped string, which torch.save never writes");
    return text;
  }
  std::string_view quoted() {
    const std::string_view text = plain(line());
    if (text.size() < 2 || text.front() != text.back()) fail("holds a string without quotes");
    return text.substr(1, text.size() - 2);
  }

  // The stack.
  template <class T>
  void push(T value) {
    if (pickle_.values.size() >= kMaxValues) fail("holds more than 5,000,000 values");
    stack_.push_back(&pickle_.values.emplace_back(std::move(value)));
  }
  PickleValue& top() {
    if (stack_.size() == (marks_.empty() ? 0 : marks_.back())) fail("takes a value where none is");
    return *stack_.back();
  }
  PickleValue& pop() {
    PickleValue& value = top();
    stack_.pop_back();
    return value;
  }
  void mark() { marks_.push_back(stack_.size()); }
  PickleItems pop_to_mark() {
    if (marks_.empty()) fail("looks for a mark where none is");
    PickleItems items(stack_.begin() + static_cast<ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }
  PickleItems pop_items(size_t count) {
    PickleItems items(count);
    while (count > 0) items[--count] = &pop();
    return items;
  }
  void pop_or_unmark() {
    if (!marks_.empty() && marks_.back() == stack_.size()) {
      marks_.pop_back();
    } else {
      pop();
    }
  }
  void duplicate() { stack_.push_back(&top()); }
  void put(uint64_t key) {
    if (memo_.size() >= kMaxValues) fail("stores more than 5,000,000 values");
    memo_[key] = &top();
  }
  void put_next() { put(memo_.size()); }
  void get(uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("recalls value " + std::to_string(key) + ", which it never stored");
    stack_.push_back(found->second);
  }

  // What opcodes make and change.
  void push_long(std::string_view bytes);
  void push_integer_line();
  void push_double();
  void push_name(std::string_view module, std::string_view name);
  void push_stack_name();
  void push_call(const PickleValue& callee, const PickleValue& arguments);
  void call();
  void call_marked();
  void call_named();
  void push_dict(const PickleItems& items);
  void append(const PickleItems& items);
  void add(const PickleItems& items);
  void set(const PickleItems& items);
  void build();
  void protocol();
  void stop();

 private:
  /// The items or entries of what is on top: a Container, or an object whose class may well be one.
  template <class Container, class Part>
  Part& top_part(Part Container::*of_container, Part PickleCall::*of_object, const char* otherwise) {
    PickleValue& target = top();
    if (auto* container = target.as<Container>()) return container->*of_container;
    if (auto* object = target.as<PickleCall>()) return object->*of_object;
    fail(otherwise);
  }
  PickleEntries entries_of(const PickleItems& items) const {
    if (items.size() % 2 != 0) fail("sets a key without a value");
    PickleEntries entries;
    for (size_t i = 0; i < items.size(); i += 2) entries.emplace_back(items[i], items[i + 1]);
    return entries;
  }

  std::string_view bytes_;
  const std::string& source_;
  const std::function<bool(std::string_view)>& is_allowed_;
  size_t at_ = 0;
  size_t opcode_at_ = 0;
  bool stopped_ = false;
  Pickle pickle_;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

void Machine::push_long(std::string_view bytes) {
  if (bytes.size() > sizeof(int64_t)) return push(PickleBigInteger{std::string(bytes)});
  uint64_t value = !bytes.empty() && static_cast<signed char>(bytes.back()) < 0 ? ~uint64_t{0} : 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  push(static_cast<int64_t>(value));
}

void Machine::push_integer_line() {
  const std::string_view text = line();
  if (text == "00" || text == "01") return push(text == "01");  // how protocols 0 and 1 write a bool
  push(number<int64_t>(text.substr(0, text.size() - (text.ends_with('L') ? 1 : 0))));
}

void Machine::push_double() {
  uint64_t bits = 0;
  for (const char byte : take(sizeof(bits))) bits = bits << 8 | static_cast<unsigned char>(byte);  // big endian
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  push(value);
}

void Machine::push_name(std::string_view module, std::string_view name) {
  std::string full(module == "__builtin__" ? "builtins" : module);
  full.append(".").append(name);
  if (full.size() > kMaxName || !is_allowed_(full)) {
    fail("names '" + printable(full) + "', which no weights file needs; it may be hostile");
  }
  push(PickleName{std::move(full)});
}

void Machine::push_stack_name() {
  const auto* name = pop().as<PickleString>();
  const auto* module = pop().as<PickleString>();
  if (name == nullptr || module == nullptr) fail("names something by what is no string");
  push_name(module->text, name->text);
}

void Machine::push_call(const PickleValue& callee, const PickleValue& arguments) {
  const auto* name = callee.as<PickleName>();
  const auto* tuple = arguments.as<PickleTuple>();
  if (name == nullptr) fail("calls what is no name");
  if (tuple == nullptr) fail("calls with what is no tuple");
  push(PickleCall{.callee = name, .arguments = tuple});
}

void Machine::call() {
  const PickleValue& arguments = pop();
  push_call(pop(), arguments);
}

void Machine::call_marked() {
  PickleItems items = pop_to_mark();
  if (items.empty()) fail("calls nothing");
  const PickleValue& callee = *items.front();
  push(PickleTuple{{items.begin() + 1, items.end()}});
  push_call(callee, pop());
}

void Machine::call_named() {
  const std::string_view module = line();
  push_name(module, line());
  const PickleValue& callee = pop();
  push(PickleTuple{pop_to_mark()});
  push_call(callee, pop());
}

void Machine::push_dict(const PickleItems& items) { push(PickleDict{entries_of(items)}); }

void Machine::append(const PickleItems& items) {
  PickleItems& to = top_part(&PickleList::items, &PickleCall::items, "appends to what is no list");
  to.insert(to.end(), items.begin(), items.end());
}

void Machine::add(const PickleItems& items) {
  auto* set = top().as<PickleSet>();
  if (set == nullptr) fail("adds to what is no set");
  set->items.insert(set->items.end(), items.begin(), items.end());
}

void Machine::set(const PickleItems& items) {
  PickleEntries& to = top_part(&PickleDict::entries, &PickleCall::entries, "sets a key of what is no dictionary");
  const PickleEntries entries = entries_of(items);
  to.insert(to.end(), entries.begin(), entries.end());
}

void Machine::build() {
  const PickleValue& state = pop();
  auto* object = top().as<PickleCall>();
  if (object == nullptr) fail("sets the state of what is no object");
  object->state = &state;
}

void Machine::protocol() {
  constexpr uint64_t kNewest = 5;
  const uint64_t version = little_endian(1);
  if (version > kNewest) fail("has protocol " + std::to_string(version) + "; 0 to 5 are known");
}

void Machine::stop() {
  pickle_.root = &pop();
  stopped_ = true;
}

struct Opcode {
  unsigned char code;
  const char* name;
  void (*run)(Machine& machine);  // nullptr: torch.save never writes it
};

using M = Machine;
using View = std::string_view;

constexpr auto kOpcodes = std::to_array<Opcode>({
    {'(', "MARK", [](M& m) { m.mark(); }},
    {'.', "STOP", [](M& m) { m.stop(); }},
    {'0', "POP", [](M& m) { m.pop_or_unmark(); }},
    {'1', "POP_MARK", [](M& m) { m.pop_to_mark(); }},
    {'2', "DUP", [](M& m) { m.duplicate(); }},
    {'F', "FLOAT", [](M& m) { m.push(m.number<double>(m.line())); }},
    {'I', "INT", [](M& m) { m.push_integer_line(); }},
    {'J', "BININT", [](M& m) { m.push(int64_t{static_cast<int32_t>(m.little_endian(4))}); }},
    {'K', "BININT1", [](M& m) { m.push(static_cast<int64_t>(m.little_endian(1))); }},
    {'L', "LONG", [](M& m) { m.push_integer_line(); }},
    {'M', "BININT2", [](M& m) { m.push(static_cast<int64_t>(m.little_endian(2))); }},
    {'N', "NONE", [](M& m) { m.push(PickleNone{}); }},
    {'P', "PERSID", nullptr},
    {'Q', "BINPERSID", [](M& m) { m.push(PicklePersistent{&m.pop()}); }},
    {'R', "REDUCE", [](M& m) { m.call(); }},
    {'S', "STRING", [](M& m) { m.push(PickleString{std::string(m.quoted())}); }},
    {'T', "BINSTRING", [](M& m) { m.push(PickleString{std::string(m.take(m.little_endian(4)))}); }},
    {'U', "SHORT_BINSTRING", [](M& m) { m.push(PickleString{std::string(m.take(m.little_endian(1)))}); }},
    {'V', "UNICODE", [](M& m) { m.push(PickleString{std::string(m.plain(m.line()))}); }},
    {'X', "BINUNICODE", [](M& m) { m.push(PickleString{std::string(m.take(m.little_endian(4)))}); }},
    {'a', "APPEND", [](M& m) { m.append(m.pop_items(1)); }},
    {'b', "BUILD", [](M& m) { m.build(); }},
    {'c', "GLOBAL",
     [](M& m) {
       const View module = m.line();
       m.push_name(module, m.line());
     }},
    {'d', "DICT", [](M& m) { m.push_dict(m.pop_to_mark()); }},
    {'}', "EMPTY_DICT", [](M& m) { m.push(PickleDict{}); }},
    {'e', "APPENDS", [](M& m) { m.append(m.pop_to_mark()); }},
    {'g', "GET", [](M& m) { m.get(m.number<uint64_t>(m.line())); }},
    {'h', "BINGET", [](M& m) { m.get(m.little_endian(1)); }},
    {'i', "INST", [](M& m) { m.call_named(); }},
    {'j', "LONG_BINGET", [](M& m) { m.get(m.little_endian(4)); }},
    {'l', "LIST", [](M& m) { m.push(PickleList{m.pop_to_mark()}); }},
    {']', "EMPTY_LIST", [](M& m) { m.push(PickleList{}); }},
    {'o', "OBJ", [](M& m) { m.call_marked(); }},
    {'p', "PUT", [](M& m) { m.put(m.number<uint64_t>(m.line())); }},
    {'q', "BINPUT", [](M& m) { m.put(m.little_endian(1)); }},
    {'r', "LONG_BINPUT", [](M& m) { m.put(m.little_endian(4)); }},
    {'s', "SETITEM", [](M& m) { m.set(m.pop_items(2)); }},
    {'t', "TUPLE", [](M& m) { m.push(PickleTuple{m.pop_to_mark()}); }},
    {')', "EMPTY_TUPLE", [](M& m) { m.push(PickleTuple{}); }},
    {'u', "SETITEMS", [](M& m) { m.set(m.pop_to_mark()); }},
    {'G', "BINFLOAT", [](M& m) { m.push_double(); }},
    {'B', "BINBYTES", [](M& m) { m.push(PickleBytes{std::string(m.take(m.little_endian(4)))}); }},
    {'C', "SHORT_BINBYTES", [](M& m) { m.push(PickleBytes{std::string(m.take(m.little_endian(1)))}); }},
    {0x80, "PROTO", [](M& m) { m.protocol(); }},
    {0x81, "NEWOBJ", [](M& m) { m.call(); }},
    {0x82, "EXT1", nullptr},
    {0x83, "EXT2", nullptr},
    {0x84, "EXT4", nullptr},
    {0x85, "TUPLE1", [](M& m) { m.push(PickleTuple{m.pop_items(1)}); }},
    {0x86, "TUPLE2", [](M& m) { m.push(PickleTuple{m.pop_items(2)}); }},
    {0x87, "TUPLE3", [](M& m) { m.push(PickleTuple{m.pop_items(3)}); }},
    {0x88, "NEWTRUE", [](M& m) { m.push(true); }},
    {0x89, "NEWFALSE", [](M& m) { m.push(false); }},
    {0x8a, "LONG1", [](M& m) { m.push_long(m.take(m.little_endian(1))); }},
    {0x8b, "LONG4", [](M& m) { m.push_long(m.take(m.little_endian(4))); }},
    {0x8c, "SHORT_BINUNICODE", [](M& m) { m.push(PickleString{std::string(m.take(m.little_endian(1)))}); }},
    {0x8d, "BINUNICODE8", [](M& m) { m.push(PickleString{std::string(m.take(m.little_endian(8)))}); }},
    {0x8e, "BINBYTES8", [](M& m) { m.push(PickleBytes{std::string(m.take(m.little_endian(8)))}); }},
    {0x8f, "EMPTY_SET", [](M& m) { m.push(PickleSet{}); }},
    {0x90, "ADDITEMS", [](M& m) { m.add(m.pop_to_mark()); }},
    {0x91, "FROZENSET", [](M& m) { m.push(PickleSet{m.pop_to_mark()}); }},
    {0x92, "NEWOBJ_EX", nullptr},
    {0x93, "STACK_GLOBAL", [](M& m) { m.push_stack_name(); }},
    {0x94, "MEMOIZE", [](M& m) { m.put_next(); }},
    {0x95, "FRAME", [](M& m) { m.little_endian(8); }},  // the length of what follows: only of use to buffers
    {0x96, "BYTEARRAY8", [](M& m) { m.push(PickleBytes{std::string(m.take(m.little_endian(8)))}); }},
    {0x97, "NEXT_BUFFER", nullptr},
    {0x98, "READONLY_BUFFER", nullptr},
});

/// Opcodes by their byte; nullptr for a byte that is none.
std::array<const Opcode*, 256> index_opcodes() {
  std::array<const Opcode*, 256> index{};
  for (const Opcode& opcode : kOpcodes) index[opcode.code] = &opcode;
  return index;
}

Pickle Machine::run() {
  static const std::array<const Opcode*, 256> kIndex = index_opcodes();
  while (!stopped_) {
    opcode_at_ = at_;
    const auto code = static_cast<unsigned char>(take(1).front());
    const Opcode* opcode = kIndex[code];
    if (opcode == nullptr) fail("holds the byte " + std::to_string(code) + ", which is no opcode");
    if (opcode->run == nullptr) fail(std::string("uses ") + opcode->name + ", which torch.save never writes");
    opcode->run(*this);
  }
  pickle_.size = at_;
  return std::move(pickle_);
}

}  // namespace

Pickle read_pickle(std::string_view bytes, const std::string& source,
                   const std::function<bool(std::string_view name)>& is_allowed) {
  return Machine(bytes, source, is_allowed).run();
}

}  // namespace data
