// What the reader of PyTorch's files does with those that were made to harm it, and with damaged ones.
#include "data/torch_file.h"

#include <limits>

#include "data/atomic_file.h"
#include "tests/data/torch_file_case.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using pickles::dict;
using pickles::name;
using pickles::number;
using pickles::storage;
using pickles::tensor;
using pickles::text;
using pickles::torch_file;
using pickles::tuple;
using pickles::View;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(TorchFileTest, HostilePicklesAreRefusedByTheNameTheyUse) {
  const std::string system = name("os", "system") + text("echo hi") + "\x85R";
  const std::string why = "which no weights file needs; it may be hostile";
  EXPECT_THAT(error(torch_file(system, {})), StartsWith("its pickle names 'os.system', " + why));
  EXPECT_THAT(error(torch_file(dict({{"w", system}}), {})), HasSubstr("'os.system'"));
  EXPECT_THAT(error(pickles::old_file(system, {})), StartsWith("its pickle names 'os.system', " + why));
  EXPECT_THAT(error(pickles::pickle(system)), StartsWith("its pickle names 'os.system', " + why));
  EXPECT_THAT(error("cos\nsystem\n(S'echo hi'\ntR."), StartsWith("its pickle names 'os.system', " + why));
  EXPECT_THAT(error("(dS'a'\ncposix\nsystem\n(S'echo hi'\ntRs."),
              StartsWith("its pickle names 'posix.system', " + why));
  EXPECT_THAT(error(torch_file(name("builtins", "eval"), {})), HasSubstr("'builtins.eval'"));
  EXPECT_THAT(error(torch_file(name("builtins", "getattr"), {})), HasSubstr("'builtins.getattr'"));
  EXPECT_THAT(error(torch_file(name("numpy.core.multiarray", "scalar"), {})),
              HasSubstr("'numpy.core.multiarray.scalar'"));
  EXPECT_THAT(error(torch_file(name("torch", "load"), {})), HasSubstr("'torch.load'"));
  EXPECT_THAT(error(torch_file(name("", "FloatStorage"), {})), HasSubstr("'.FloatStorage'"));
  EXPECT_THAT(error(torch_file(name("__torch__", "Module"), {})), HasSubstr("'__torch__.Module'"));
  EXPECT_THAT(error(torch_file(name("__torch__", "Module") + ")\x81" + system + "b", {})), HasSubstr("'__torch__."));
  EXPECT_THAT(error(pickles::zip({{"a/constants.pkl", ""}, {"a/data.pkl", pickles::pickle(system)}})),
              HasSubstr("'os.system'"));
}

TEST_F(TorchFileTest, ViewsBeyondTheirStorageAreRefused) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const auto refused = [&](const View& view) { return error(torch_file(view_of_eight(view), {{"0", kEightFloats}})); };
  EXPECT_EQ(read(torch_file(view_of_eight({1, {2, 3}, {3, 1}}), {{"0", kEightFloats}})).at("w").numel(), 6);
  EXPECT_EQ(read(torch_file(view_of_eight({8, {0, 3}, {9, 9}}), {{"0", kEightFloats}})).at("w").numel(), 0);
  EXPECT_EQ(read(torch_file(view_of_eight({7, {}, {}}), {{"0", kEightFloats}})).at("w").dim(), 0);
  EXPECT_EQ(read(torch_file(view_of_eight({7, {5}, {0}}), {{"0", kEightFloats}})).at("w").numel(), 5);

  EXPECT_EQ(refused({2, {2, 3}, {4, 1}}), "tensor 'w' reaches beyond its storage");
  EXPECT_EQ(refused({8, {}, {}}), "tensor 'w' reaches beyond its storage");
  EXPECT_EQ(refused({0, {3, 3}, {kMost, 1}}), "tensor 'w' reaches beyond its storage");
  EXPECT_EQ(refused({0, {2, 2}, {kMost, kMost}}), "tensor 'w' reaches beyond its storage");
  EXPECT_EQ(refused({-1, {2}, {1}}), "tensor 'w' begins beyond its storage");
  EXPECT_EQ(refused({9, {0}, {1}}), "tensor 'w' begins beyond its storage");
  EXPECT_EQ(refused({kMost, {2}, {1}}), "tensor 'w' begins beyond its storage");
  EXPECT_EQ(refused({4, {2}, {-1}}), "tensor 'w' has a negative stride");
  EXPECT_EQ(refused({0, {-2}, {1}}), "tensor 'w' has impossible sizes");
  EXPECT_EQ(refused({0, {kMost, 4}, {0, 0}}), "tensor 'w' has impossible sizes");
  EXPECT_EQ(refused({0, {0, kMost, 4}, {1, 1, 1}}), "tensor 'w' has impossible sizes");
  EXPECT_EQ(refused({0, {1 << 20}, {0}}), "tensor 'w' has impossible sizes") << "more elements than the file has bytes";
  EXPECT_EQ(refused({0, std::vector<int64_t>(65, 1), std::vector<int64_t>(65, 1)}), "tensor 'w' has impossible sizes");
  EXPECT_EQ(refused({0, {2, 2}, {1}}), "tensor 'w' has not as many strides as sizes");
}

TEST_F(TorchFileTest, StoragesThatCannotBeAreRefused) {
  const auto refused = [&](const std::string& of_storage) {
    return error(torch_file(dict({{"w", tensor(of_storage, {0, {1}, {1}})}}), {{"0", kEightFloats}}));
  };
  EXPECT_EQ(refused(storage("0", 9)), "tensor 'w' has a storage of 9 elements, of which the file holds 32 bytes");
  EXPECT_EQ(refused(storage("0", int64_t{1} << 62)),
            "tensor 'w' has a storage of 4611686018427387904 elements, of which the file holds 32 bytes");
  EXPECT_EQ(refused(storage("0", -1)), "its pickle has a storage of -1 elements");
  EXPECT_EQ(refused(storage("1", 8)), "lacks the entry 'archive/data/1'");
  EXPECT_EQ(refused(storage("../data.pkl", 1)), "lacks the entry 'archive/data/../data.pkl'");
  EXPECT_EQ(refused(storage("0", 8, "FloatTensor")), "its pickle has a storage of the type torch.FloatTensor");
  EXPECT_EQ(refused("NQ"), "its pickle refers to what is no storage");
  EXPECT_EQ(refused(tuple({text("module"), "N", "N", "N", "N"}) + "Q"), "its pickle refers to what is no storage");
  EXPECT_THAT(refused(tuple({text("storage"), name("torch", "FloatStorage"), text("0"), text("cpu"), number(8),
                             tuple({text("1"), number(0), number(4)})}) +
                      "Q"),
              StartsWith("its pickle has a storage within another"));
}

TEST_F(TorchFileTest, TensorsOfWrongPartsAreRefused) {
  const auto refused = [&](const std::string& value) {
    return error(torch_file(dict({{"w", value}}), {{"0", kEightFloats}}));
  };
  const std::string parts = "tensor 'w' is not made of a storage, an offset, sizes and strides";
  const std::string rebuild = name("torch._utils", "_rebuild_tensor_v2");
  const std::string parameter = name("torch._utils", "_rebuild_parameter");
  const std::string eight = storage("0", 8);
  EXPECT_EQ(refused(rebuild + ")R"), parts);
  EXPECT_EQ(refused(rebuild + tuple({"N", number(0), ")", ")"}) + "R"), parts);
  EXPECT_EQ(refused(rebuild + tuple({eight, "N", ")", ")"}) + "R"), parts);
  EXPECT_EQ(refused(rebuild + tuple({eight, number(0), "N", ")"}) + "R"), parts);
  EXPECT_EQ(refused(rebuild + tuple({eight, number(0), ")", text("a")}) + "R"), parts);
  EXPECT_EQ(refused(rebuild + tuple({eight, number(0), tuple({"\x88"}), tuple({number(1)})}) + "R"), parts);
  EXPECT_EQ(refused(parameter + ")R"), parts);
  EXPECT_EQ(refused(parameter + tuple({"N"}) + "R"), parts);
  EXPECT_EQ(refused(name("torch", "FloatTensor") + ")R"), parts);
  std::string deep = "N";
  for (int i = 0; i < 1000; ++i) deep = parameter + "(" + deep + "tR";
  EXPECT_EQ(refused(deep), parts);
  const std::string more = tuple({eight, number(0), ")", ")", "\x89", "N", "N"});
  EXPECT_EQ(refused(name("torch._utils", "_rebuild_tensor_v3") + more + "R"), "tensor 'w' has no known dtype");
  const std::string flags = tuple({eight, number(0), ")", ")", "\x89", "N", dict({{"conj", "\x88"}})});
  EXPECT_THAT(refused(rebuild + flags + "R"), StartsWith("tensor 'w' is a conjugated or negated view"));
}

TEST_F(TorchFileTest, ContainersThatShareAndNestEndSomewhere) {
  const std::string w = tensor(storage("0", 8), {0, {8}, {1}});
  const auto refused = [&](const std::string& value) { return error(torch_file(value, {{"0", kEightFloats}})); };
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep.append("}").append(text("a"));
  EXPECT_EQ(refused(deep + "}" + std::string(100'000, 's')), "its pickle nests its names more than 100 deep");
  EXPECT_EQ(refused("}q\x01" + text("a") + "h\x01s"), "its pickle nests its names more than 100 deep");
  EXPECT_EQ(refused("}q\x01" + text("state_dict") + "h\x01s"), "its pickle nests its names more than 100 deep");
  // Ten dictionaries in each, ten times over.
  std::string laughs = w;
  for (int level = 0; level < 10; ++level) {
    std::string next =
        "q\x01"
        "0}(";
    for (int i = 0; i < 10; ++i) next += text(std::to_string(i)) + "h\x01";
    laughs += next + "u";
  }
  EXPECT_EQ(refused(laughs), "its pickle has more than 5,000,000 names");
  EXPECT_EQ(refused(dict({{std::string(1001, 'a'), w}})), "its pickle has a name of more than 1,000 bytes");
  // One long name in many places was copied for each of them.
  EXPECT_EQ(refused(dict({{std::string(1001, 'a'), "}"}})), "its pickle has a name of more than 1,000 bytes");
  // Beside a state all that is nobody's business.
  std::string lists = "]";
  for (int i = 0; i < 100'000; ++i) lists += "]";
  const std::string beside = dict({{"junk", lists + std::string(100'000, 'a')}, {"state_dict", dict({{"a", w}})}});
  EXPECT_THAT(names(read(torch_file(beside, {{"0", kEightFloats}}))), ElementsAre("a"));
}

TEST_F(TorchFileTest, OldFilesThatContradictThemselvesAreRefused) {
  const auto eight = [](int64_t elements) {
    return pickles::bytes_of(static_cast<uint64_t>(elements), 8) + kEightFloats;
  };
  const std::string value = view_of_eight({0, {8}, {1}});
  EXPECT_EQ(read(pickles::old_file(value, {{"0", eight(8)}})).at("w").numel(), 8);
  EXPECT_THAT(error(pickles::old_file(value, {{"0", eight(7)}})), StartsWith("its storage '0' has another size than"));
  EXPECT_THAT(error(pickles::old_file(value, {{"0", eight(-1)}})), StartsWith("its storage '0' has another size than"));
  EXPECT_EQ(error(pickles::old_file(value, {{"0", eight(8).substr(0, 39)}})), "is truncated inside its storage '0'");
  EXPECT_EQ(error(pickles::old_file(value, {{"0", "abc"}})), "is truncated before its storage '0'");
  EXPECT_EQ(error(pickles::old_file(value, {})), "lacks the storage '0'");
  EXPECT_THAT(error(pickles::old_file(value, {{"1", eight(8)}})),
              StartsWith("lists a storage that its pickle does not"));
  const std::string claim = dict({{"w", tensor(storage("0", int64_t{1} << 62), {0, {1}, {1}})}});
  EXPECT_EQ(error(pickles::old_file(claim, {{"0", eight(int64_t{1} << 62)}})), "is truncated inside its storage '0'");

  const std::string magic = pickles::pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
  EXPECT_EQ(error(pickles::pickle(number(3))), "is a pickle, but none that torch.save wrote");
  EXPECT_EQ(error(magic + pickles::pickle(number(7))),
            "is of an unknown version of torch.save's old format; known is 1001");
  EXPECT_THAT(error(magic + pickles::pickle(number(1001)) + pickles::pickle(dict({{"little_endian", "\x89"}}))),
              StartsWith("was written on a big-endian machine"));
  EXPECT_EQ(error(magic + pickles::pickle(number(1001)) + pickles::pickle(dict({{"little_endian", "\x88"}})) +
                  pickles::pickle("}") + pickles::pickle("N")),
            "has no list of storages: the file is damaged");
}

/// Reads every number, as a network would; or is refused in one line.
bool reads(const fs::path& path) {
  try {
    for (const auto& [tensor_name, value] : read_tensors(path).tensors) value.to(torch::kFloat64).sum();
    return true;
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), StartsWith(path.string() + ": "));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return false;
  }
}

class DamageTest : public TorchFileTest, public testing::WithParamInterface<std::string> {};

TEST_P(DamageTest, TruncatedAnywhereIsRefused) {
  const std::string bytes = read_file(torch_file_path(GetParam()));
  write_text(path_, bytes);
  EXPECT_TRUE(reads(path_));
  for (size_t size = bytes.size(); size-- > 0;) {
    fs::resize_file(path_, size);
    ASSERT_FALSE(reads(path_)) << size;
  }
}

TEST_P(DamageTest, OneWrongByteNeverDoesMoreThanThat) {
  const std::string bytes = read_file(torch_file_path(GetParam()));
  torch::manual_seed(3);
  const torch::Tensor places = torch::randint(static_cast<int64_t>(bytes.size()), {2000});
  const torch::Tensor changes = torch::randint(1, 256, {2000});
  int64_t refused = 0;
  for (int64_t i = 0; i < places.numel(); ++i) {
    std::string damaged = bytes;
    char& byte = damaged[static_cast<size_t>(places[i].item<int64_t>())];
    byte = static_cast<char>(byte ^ changes[i].item<int>());
    write_text(path_, damaged);
    refused += reads(path_) ? 0 : 1;
  }
  EXPECT_GT(refused, 100);
}

INSTANTIATE_TEST_SUITE_P(Files, DamageTest,
                         testing::Values("zip.pth", "old.pth", "float8.pth", "old_checkpoint.pth.tar", "script.pt"));

}  // namespace
}  // namespace data
