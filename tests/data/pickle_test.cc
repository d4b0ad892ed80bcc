#include "data/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/data/pickles.h"

namespace data {
namespace {

using pickles::bytes_of;
using pickles::name;
using pickles::number;
using pickles::pickle;
using pickles::text;
using testing::HasSubstr;
using testing::StartsWith;

bool is_ordered_dict(std::string_view named) { return named == "collections.OrderedDict"; }

Pickle read(const std::string& bytes) { return read_pickle(bytes, "a.pth", is_ordered_dict); }

std::string error(const std::string& bytes) {
  const std::string message = error_of<std::runtime_error>([&] { read(bytes); });
  EXPECT_THAT(message, StartsWith("a.pth: its pickle "));
  return message;
}

std::string written(const PickleValue& value);

std::string written(const PickleItems& items) {
  std::string all;
  for (const PickleValue* item : items) all += (all.empty() ? "" : ", ") + written(*item);
  return all;
}

std::string written(const PickleEntries& entries) {
  std::string all;
  for (const auto& [key, value] : entries) all += (all.empty() ? "" : ", ") + written(*key) + ": " + written(*value);
  return all;
}

/// As Python prints it.
std::string written(const PickleValue& value) {
  std::ostringstream out;
  if (value.as<PickleNone>() != nullptr) out << "None";
  if (const auto* truth = value.as<bool>()) out << (*truth ? "True" : "False");
  if (const auto* whole = value.as<int64_t>()) out << *whole;
  if (const auto* real = value.as<double>()) out << *real;
  if (const auto* big = value.as<PickleBigInteger>()) out << "integer of " << big->bytes.size() << " bytes";
  if (const auto* string = value.as<PickleString>()) out << "'" << string->text << "'";
  if (const auto* bytes = value.as<PickleBytes>()) out << "b'" << bytes->bytes << "'";
  if (const auto* list = value.as<PickleList>()) out << "[" << written(list->items) << "]";
  if (const auto* tuple = value.as<PickleTuple>()) out << "(" << written(tuple->items) << ")";
  if (const auto* set = value.as<PickleSet>()) out << "{" << written(set->items) << "}";
  if (const auto* dict = value.as<PickleDict>()) out << "{" << written(dict->entries) << "}";
  if (const auto* named = value.as<PickleName>()) out << named->name;
  if (const auto* call = value.as<PickleCall>()) {
    out << call->callee->name << "(" << written(call->arguments->items) << ")" << written(call->entries);
    if (!call->items.empty()) out << " + [" << written(call->items) << "]";
    if (call->state != nullptr) out << " with " << written(*call->state);
  }
  if (const auto* persistent = value.as<PicklePersistent>()) out << "<" << written(*persistent->id) << ">";
  return out.str();
}

std::string read_text(const std::string& bytes) { return written(*read(bytes).root); }

TEST(Pickle, OfEveryProtocolIsRead) {
  for (const std::string protocol : {"0", "1", "2", "3", "4", "5"}) {
    const std::string file = VQA_SOURCE_DIR "/tests/data/files/values" + protocol + ".pkl";
    EXPECT_EQ(read_text(read_file(file)),
              "[1, -1, 255, 65535, 2147483647, -1099511627776, 0.5, 'text', None, True, False, (), (1), (1, 2), "
              "(1, 2, 3), (1, 2, 3, 4), {'a': 1, 'b': [2]}, [], {}, [7], [7]]")
        << protocol;
  }
}

TEST(Pickle, ValuesAreReadByEveryOpcode) {
  const auto value = [](const std::string& opcodes) { return read_text(opcodes + "."); };
  EXPECT_EQ(value(std::string("\x8a\0", 2)), "0");
  EXPECT_EQ(value("\x8a\x01\xff"), "-1");
  EXPECT_EQ(value("\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09"), "integer of 9 bytes");
  EXPECT_EQ(value("\x8b" + bytes_of(2, 4) + "\x01\x01"), "257");
  EXPECT_EQ(value("L-7L\n"), "-7");
  EXPECT_EQ(value("F-2.5\n"), "-2.5");
  EXPECT_EQ(value("S'abc'\n"), "'abc'");
  EXPECT_EQ(value("U\x02hi"), "'hi'");
  EXPECT_EQ(value("T" + bytes_of(2, 4) + "hi"), "'hi'");
  EXPECT_EQ(value("\x8d" + bytes_of(2, 8) + "hi"), "'hi'");
  EXPECT_EQ(value("B" + bytes_of(2, 4) + "hi"), "b'hi'");
  EXPECT_EQ(value("C\x02hi"), "b'hi'");
  EXPECT_EQ(value("\x8e" + bytes_of(2, 8) + "hi"), "b'hi'");
  EXPECT_EQ(value("\x96" + bytes_of(2, 8) + "hi"), "b'hi'");
  EXPECT_EQ(value("\x8f(K\x01K\x02\x90"), "{1, 2}");
  EXPECT_EQ(value("(K\x01\x91"), "{1}");
  EXPECT_EQ(value("K\x01K\x02"
                  "0"),
            "1");
  EXPECT_EQ(value("K\x01(K\x02K\x03"
                  "1"),
            "1");
  EXPECT_EQ(value("K\x05(0"), "5");  // POP takes a mark
  EXPECT_EQ(value("K\x05"
                  "2\x86"),
            "(5, 5)");
  EXPECT_EQ(value("](K\x01K\x02"
                  "eq\x07h\x07\x86"),
            "([1, 2], [1, 2])");
  EXPECT_EQ(value("(N\x94K\x01\x94" + std::string("h\0h\x01t", 5)), "(None, 1, None, 1)");
  EXPECT_EQ(value("K\x04Q"), "<4>");
}

TEST(Pickle, CallsAreKeptNotMade) {
  const std::string dict = name("collections", "OrderedDict");
  EXPECT_EQ(read_text(pickle(dict + ")R(" + text("a") + "K\x01u}b")), "collections.OrderedDict()'a': 1 with {}");
  EXPECT_EQ(read_text(pickle(dict + "]\x85\x81K\x03"
                                    "a")),
            "collections.OrderedDict([]) + [3]");
  EXPECT_EQ(read_text(pickle(text("collections") + text("OrderedDict") + "\x93K\x01\x85R")),
            "collections.OrderedDict(1)");
  EXPECT_EQ(read_text("(" + dict + "K\x01o."), "collections.OrderedDict(1)");
  EXPECT_EQ(read_text("(K\x01icollections\nOrderedDict\n."), "collections.OrderedDict(1)");
}

TEST(Pickle, SaysWhereItEnds) { EXPECT_EQ(read("K\x01.rest").size, 3u); }

TEST(Pickle, NamesThatAreNotAllowedAreRefusedByTheirName) {
  const std::string why = "', which no weights file needs; it may be hostile";
  EXPECT_THAT(error("cos\nsystem\n(S'echo hi'\ntR."), HasSubstr("names 'os.system" + why));
  EXPECT_THAT(error(pickle(name("os", "system") + text("echo hi") + "\x85R")), HasSubstr("names 'os.system" + why));
  EXPECT_THAT(error("\x80\x04\x95" + bytes_of(40, 8) + "\x8c\x02os\x94\x8c\x06system\x94\x93\x94\x8c\x02hi\x85R."),
              HasSubstr("names 'os.system" + why));
  EXPECT_THAT(error(pickle(name("__builtin__", "eval") + text("1") + "\x85R")), HasSubstr("'builtins.eval" + why));
  EXPECT_THAT(error(pickle(name("builtins", "exec"))), HasSubstr("'builtins.exec" + why));
  EXPECT_THAT(error("(S'hi'\nios\nsystem\n."), HasSubstr("'os.system" + why));
  EXPECT_THAT(error("(cos\nsystem\nS'hi'\no."), HasSubstr("'os.system" + why));
  EXPECT_THAT(error(pickle(name("collections", "OrderedDict.__class__"))), HasSubstr("'collections.OrderedDict.__cl"));
  EXPECT_THAT(error(pickle(name("a\x01" + std::string(2000, 'b'), "c"))), HasSubstr("names 'a?bbb"));
  EXPECT_LT(error(pickle(name(std::string(2000, 'b'), "c"))).size(), 300u);
}

TEST(Pickle, WhatTorchNeverWritesIsRefusedByItsOpcode) {
  EXPECT_THAT(error("\x80\x02\x82\x01."), HasSubstr("uses EXT1, which torch.save never writes (byte 3 of it)"));
  EXPECT_THAT(error("\x83\x01\x01."), HasSubstr("uses EXT2"));
  EXPECT_THAT(error("\x84\x01\x01\x01\x01."), HasSubstr("uses EXT4"));
  EXPECT_THAT(error("P12\n."), HasSubstr("uses PERSID"));
  EXPECT_THAT(error("\x97."), HasSubstr("uses NEXT_BUFFER"));
  EXPECT_THAT(error("\x98."), HasSubstr("uses READONLY_BUFFER"));
  EXPECT_THAT(error(pickle(name("collections", "OrderedDict") + ")}\x92")), HasSubstr("uses NEWOBJ_EX"));
  EXPECT_THAT(error("\xff."), HasSubstr("holds the byte 255, which is no opcode"));
  EXPECT_THAT(error("\x80\x06N."), HasSubstr("has protocol 6; 0 to 5 are known"));
  EXPECT_THAT(error("S'a\\'b'\n."), HasSubstr("holds an escaped string"));
  EXPECT_THAT(error("Sab\n."), HasSubstr("holds a string without quotes"));
}

TEST(Pickle, MisuseOfTheStackIsRefused) {
  const std::string dict = name("collections", "OrderedDict");
  EXPECT_THAT(error("."), HasSubstr("takes a value where none is"));
  EXPECT_THAT(error("K\x01(."), HasSubstr("takes a value where none is"));
  EXPECT_THAT(error("K\x01\x86."), HasSubstr("takes a value where none is"));
  EXPECT_THAT(error("t."), HasSubstr("looks for a mark where none is"));
  EXPECT_THAT(error("h\x05."), HasSubstr("recalls value 5, which it never stored"));
  EXPECT_THAT(error("K\x01K\x02"
                    "a."),
              HasSubstr("appends to what is no list"));
  EXPECT_THAT(error("](K\x01\x90."), HasSubstr("adds to what is no set"));
  EXPECT_THAT(error("]K\x01K\x02s."), HasSubstr("sets a key of what is no dictionary"));
  EXPECT_THAT(error("}(K\x01u."), HasSubstr("sets a key without a value"));
  EXPECT_THAT(error("K\x01)R."), HasSubstr("calls what is no name"));
  EXPECT_THAT(error(dict + "]R."), HasSubstr("calls with what is no tuple"));
  EXPECT_THAT(error("(o."), HasSubstr("calls nothing"));
  EXPECT_THAT(error(dict + "}b."), HasSubstr("sets the state of what is no object"));
  EXPECT_THAT(error("]}b."), HasSubstr("sets the state of what is no object"));
  EXPECT_THAT(error("K\x01K\x02\x93."), HasSubstr("names something by what is no string"));
  EXPECT_THAT(error("Iten\n."), HasSubstr("holds 'ten' for a number"));
  EXPECT_THAT(error("I99999999999999999999\n."), HasSubstr("holds '99999999999999999999' for a number"));
}

TEST(Pickle, ClaimedSizesAllocateNothing) {
  const std::string early = "ends early, as in a truncated file";
  const uint64_t huge = uint64_t{1} << 63;
  EXPECT_THAT(error("\x8d" + bytes_of(huge, 8) + "hi."), HasSubstr(early));
  EXPECT_THAT(error("\x8e" + bytes_of(huge, 8) + "hi."), HasSubstr(early));
  EXPECT_THAT(error("\x96" + bytes_of(~uint64_t{0}, 8) + "hi."), HasSubstr(early));
  EXPECT_THAT(error("\x8b" + bytes_of(0x7fffffff, 4) + "hi."), HasSubstr(early));
  EXPECT_THAT(error("\x8b" + bytes_of(0xffffffff, 4) + "hi."), HasSubstr(early));
  EXPECT_THAT(error("X" + bytes_of(0xffffffff, 4) + "hi."), HasSubstr(early));
  EXPECT_THAT(error("cos"), HasSubstr(early));
  EXPECT_THAT(error(""), HasSubstr(early));
}

TEST(Pickle, MayNestAsDeepAsItLikes) {
  constexpr size_t kDepth = 100'000;
  std::string lists = "]";
  for (size_t i = 0; i < kDepth; ++i) lists += "]";
  for (size_t i = 0; i < kDepth; ++i) lists += "a";
  const Pickle nested = read(lists + ".");
  size_t depth = 0;
  const PickleValue* value = nested.root;
  while (!value->as<PickleList>()->items.empty()) {
    value = value->as<PickleList>()->items.front();
    ++depth;
  }
  EXPECT_EQ(depth, kDepth);
  EXPECT_THAT(error(std::string(kDepth, '(') + "."), HasSubstr("takes a value where none is"));
}

TEST(Pickle, SharedValuesAreNotCopied) {
  // Each list holds the one before a hundred times: 100^20 numbers if they were.
  std::string laughs =
      "](K\x01"
      "eq";
  laughs += '\0';
  for (char level = 0; level < 20; ++level) {
    laughs += "](";
    for (int i = 0; i < 100; ++i) laughs.append("h").append(1, level);
    laughs.append("eq").append(1, static_cast<char>(level + 1));
  }
  EXPECT_EQ(read(laughs + ".").values.size(), 22u);
}

TEST(Pickle, HoldsOnlySoManyValues) {
  EXPECT_THAT(error(std::string(5'000'001, ']') + "."), HasSubstr("holds more than 5,000,000 values"));
  EXPECT_THAT(error("N" + std::string(5'000'001, '\x94') + "."), HasSubstr("stores more than 5,000,000 values"));
}

TEST(Pickle, MayHoldItself) {
  const Pickle loop = read(
      "]q\x01h\x01"
      "a.");
  EXPECT_EQ(loop.root->as<PickleList>()->items.front(), loop.root);
}

}  // namespace
}  // namespace data
