#include "data/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <stdexcept>

#include "data/atomic_file.h"
#include "data/safetensors.h"
#include "tests/data/error_of.h"
#include "tests/data/pickles.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using pickles::dict;
using pickles::name;
using pickles::number;
using pickles::numbers;
using pickles::storage;
using pickles::tensor;
using pickles::text;
using pickles::torch_file;
using pickles::tuple;
using pickles::View;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

fs::path file(const std::string& which) { return fs::path(VQA_SOURCE_DIR "/tests/data/files") / which; }

std::vector<std::string> names(const TensorFile& read) {
  std::vector<std::string> all;
  for (const auto& [tensor_name, value] : read.tensors) all.push_back(tensor_name);
  return all;
}

/// What tests/data/make_torch_files.py fills modules with: 0, 1/4, 2/4, ...
torch::Tensor quarters(torch::IntArrayRef shape) {
  return (torch::arange(c10::multiply_integers(shape)) / 4).view(shape);
}

void expect_equal(const TensorFile& read, const std::string& tensor_name, const torch::Tensor& expected) {
  const torch::Tensor& value = read.at(tensor_name);
  EXPECT_EQ(value.scalar_type(), expected.scalar_type()) << tensor_name;
  EXPECT_TRUE(value.sizes() == expected.sizes()) << tensor_name;
  EXPECT_TRUE(torch::equal(value, expected)) << tensor_name << value;
}

/// A file with this content, read.
class TorchFileTest : public testing::Test {
 protected:
  TensorFile read(const std::string& content) const {
    write_text(path_, content);
    return read_tensors(path_);
  }
  /// The error for it, after the path.
  std::string error(const std::string& content) const {
    const std::string message = error_of<std::runtime_error>([&] { read(content); });
    EXPECT_THAT(message, StartsWith(path_.string() + ": "));
    return message.substr(path_.string().size() + 2);
  }

  const TemporaryFolder folder_;
  const fs::path path_ = folder_ / "weights.pth";
};

const std::string kEightFloats = std::string(32, '\0');

/// A state_dict with one tensor of eight floats.
std::string view_of_eight(const View& view) { return dict({{"w", tensor(storage("0", 8), view)}}); }

class StateTest : public testing::TestWithParam<std::string> {};

TEST_P(StateTest, AsPyTorchWroteItIsRead) {
  const TensorFile read = read_tensors(file(GetParam()));
  expect_equal(read, "float", torch::tensor({1.0F, -2.5F, 0.5F, 4.0F}).view({2, 2}));
  expect_equal(read, "double", torch::tensor({0.1, 0.2}, torch::kFloat64));
  expect_equal(read, "half", torch::tensor({0.5, -1.5, 65504.0}, torch::kFloat16));
  expect_equal(read, "bfloat16", torch::tensor({1.0, -3.0}, torch::kBFloat16));
  expect_equal(read, "long", torch::tensor({-(int64_t{1} << 40), int64_t{7}}));
  expect_equal(read, "int", torch::tensor({-5, 6}, torch::kInt32));
  expect_equal(read, "byte", torch::tensor({0, 255}, torch::kUInt8));
  expect_equal(read, "bool", torch::tensor({true, false, true}));
  expect_equal(read, "scalar", torch::tensor(int64_t{3}));
  expect_equal(read, "empty", torch::empty({0, 4}));
  expect_equal(read, "parameter", torch::tensor({8.0F, 9.0F}));
  const torch::Tensor shared = torch::arange(24, torch::kFloat32);
  expect_equal(read, "rows", shared.slice(0, 0, 12).view({3, 4}));
  expect_equal(read, "columns", shared.slice(0, 12, 24).view({3, 4}).t());
  expect_equal(read, "every_other", shared.slice(0, 1, 24, 2));
  EXPECT_EQ(read.tensors.size(), 14u);
}

TEST_P(StateTest, KeepsSharedMemoryShared) {
  const TensorFile read = read_tensors(file(GetParam()));
  EXPECT_TRUE(read.at("rows").is_alias_of(read.at("columns")));
  EXPECT_TRUE(read.at("rows").is_alias_of(read.at("every_other")));
  EXPECT_FALSE(read.at("rows").is_alias_of(read.at("float")));
  read.at("every_other").fill_(-1);
  EXPECT_EQ(read.at("rows")[0][1].item<float>(), -1);
  EXPECT_EQ(read_tensors(file(GetParam())).at("rows")[0][1].item<float>(), 1) << "the file has changed";
}

INSTANTIATE_TEST_SUITE_P(Formats, StateTest, testing::Values("zip.pth", "old.pth", "protocol4.pth"));

TEST(TorchFile, TypesWithoutAStorageClassAreRead) {
  const TensorFile read = read_tensors(file("float8.pth"));
  EXPECT_EQ(read.at("float8").scalar_type(), torch::kFloat8_e4m3fn);
  EXPECT_TRUE(torch::equal(read.at("float8").to(torch::kFloat32), torch::tensor({1.0F, -0.5F})));
}

TEST(TorchFile, OfACheckpointItsStateIsRead) {
  for (const std::string which : {"checkpoint.pth.tar", "old_checkpoint.pth.tar"}) {
    const TensorFile read = read_tensors(file(which));
    EXPECT_THAT(names(read),
                ElementsAre("module.conv1.weight", "module.layer1.0.bias", "module.layer1.0.num_batches_tracked",
                            "module.layer1.0.running_mean", "module.layer1.0.running_var", "module.layer1.0.weight"));
    expect_equal(read, "module.conv1.weight", quarters({4, 3, 1, 1}));
    expect_equal(read, "module.layer1.0.running_var", quarters({4}));
  }
}

TEST(TorchFile, OfATorchScriptArchiveAttributesAreRead) {
  const TensorFile read = read_tensors(file("script.pt"));
  EXPECT_THAT(names(read),
              ElementsAre("logit_scale", "transformer.bias", "transformer.weight", "visual.conv1.weight",
                          "visual.layer1.0.bias", "visual.layer1.0.num_batches_tracked", "visual.layer1.0.running_mean",
                          "visual.layer1.0.running_var", "visual.layer1.0.weight"));
  expect_equal(read, "visual.conv1.weight", quarters({4, 3, 1, 1}).to(torch::kFloat16));
  expect_equal(read, "visual.layer1.0.bias", quarters({4}).to(torch::kFloat16));
}

TEST(TorchFile, WithAWholeModuleIsRefusedByItsClass) {
  const std::string message = error_of<std::runtime_error>([] { read_tensors(file("whole_module.pth")); });
  EXPECT_THAT(message, HasSubstr("whole_module.pth: its pickle names 'torch.nn.modules.activation.ReLU', which no"));
}

TEST_F(TorchFileTest, StatesAreFoundWhereCheckpointsKeepThem) {
  const std::string w = tensor(storage("0", 8), {0, {8}, {1}});
  const auto found = [&](const std::string& value) { return names(read(torch_file(value, {{"0", kEightFloats}}))); };
  EXPECT_THAT(found(dict({{"a", w}})), ElementsAre("a"));
  EXPECT_THAT(found(dict({{"best", w}, {"state_dict", dict({{"a", w}})}})), ElementsAre("a"));
  EXPECT_THAT(found(dict({{"ema", dict({{"e", w}})}, {"model", dict({{"a", w}})}})), ElementsAre("a"));
  EXPECT_THAT(found(dict({{"ema", dict({{"e", w}})}, {"model", "N"}})), ElementsAre("e"));
  EXPECT_THAT(found(dict({{"model", dict({{"state_dict", dict({{"a", w}})}})}})), ElementsAre("a"));
  EXPECT_THAT(found(dict({{"model_state_dict", dict({{"x", number(1)}})}, {"net", dict({{"a", w}})}})),
              ElementsAre("a"));
  EXPECT_THAT(found(dict({{"one", dict({{"a", w}})}, {"two", dict({{"a", w}})}, {"three", text("a")}})),
              ElementsAre("one.a", "two.a"));
  // Python 2's OrderedDict, and Python 2's strings.
  const std::string pairs = "](](U\x03one" + w + "e](U\x03two" + w + "ee";
  EXPECT_THAT(found(pickles::call(name("collections", "OrderedDict"), tuple({pairs}))), ElementsAre("one", "two"));
}

TEST_F(TorchFileTest, TensorsOfOldVersionsAreRead) {
  const std::string parts = tuple({storage("0", 8), number(2), numbers({3}), numbers({2})});
  const std::string old = name("torch", "FloatTensor") + ")\x81" + parts + "b";
  const std::string rebuilt = name("torch._utils", "_rebuild_tensor") + parts + "R";
  const std::string parameter = name("torch.nn.parameter", "Parameter");
  const std::string value = dict({{"old", old},
                                  {"rebuilt", rebuilt},
                                  {"passed", parameter + tuple({rebuilt, "\x88"}) + "R"},
                                  {"passed_with_state", parameter + tuple({rebuilt}) + "\x81(\x88\x89Ntb"},
                                  {"set", parameter + ")\x81" + tuple({old, "N", "N", "\x88", "\x89"}) + "b"},
                                  {"set_parts", parameter + ")\x81" + parts + "b"}});
  std::string bytes;
  for (const float number : {0.F, 1.F, 2.F, 3.F, 4.F, 5.F, 6.F, 7.F}) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof(number));
  }
  const TensorFile read_back = read(torch_file(value, {{"0", bytes}}));
  EXPECT_EQ(read_back.tensors.size(), 6u);
  for (const std::string& which : names(read_back)) expect_equal(read_back, which, torch::tensor({2.F, 4.F, 6.F}));
}

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

TEST_F(TorchFileTest, WithoutNamedTensorsIsRefused) {
  const std::string none = "holds no named tensors; save the network's state_dict";
  const std::string w = tensor(storage("0", 8), {0, {8}, {1}});
  for (const std::string& value : std::vector<std::string>{"N", "}", w, "]" + w + "a", dict({{"epoch", number(3)}})}) {
    EXPECT_EQ(error(torch_file(value, {{"0", kEightFloats}})), none);
  }
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

TEST_F(TorchFileTest, FilesOfOtherKindsAreRefused) {
  const std::string none = "is no file of weights: it begins neither as safetensors nor as what torch.save or";
  EXPECT_THAT(error("version https://git-lfs.github.com/spec/v1\n"), StartsWith(none));
  EXPECT_THAT(error("<!DOCTYPE html>\n"), StartsWith(none));
  EXPECT_THAT(error("category, count\n1, 2\n"), StartsWith(none));
  EXPECT_THAT(error("\x89PNG\r\n"), StartsWith(none));
  EXPECT_EQ(error(""), "is empty");
  EXPECT_THAT(error(std::string(257, '\0') + "ustar"), StartsWith("is a tar archive, PyTorch's format before 0.1.10"));
  EXPECT_THAT(error(pickles::zip({{"a.txt", "a"}})), StartsWith("is a zip archive, but none of PyTorch 1.4 or newer"));
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_tensors(folder_.path()); }),
            folder_.path().string() + ": is a folder, not a file");
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_tensors(folder_ / "none"); }), HasSubstr("cannot be read"));
}

TEST_F(TorchFileTest, ZipArchivesOfBigEndianMachinesAreRefused) {
  const std::string pickle = pickles::pickle(view_of_eight({0, {8}, {1}}));
  const auto archive = [&](const std::string& order) {
    return pickles::zip({{"a/data.pkl", pickle}, {"a/byteorder", order}, {"a/data/0", kEightFloats}});
  };
  EXPECT_EQ(read(archive("little")).at("w").numel(), 8);
  EXPECT_THAT(error(archive("big")), StartsWith("was written on a big-endian machine"));
}

TEST_F(TorchFileTest, SafeTensorsAreReadToo) {
  TensorFile written;
  written.tensors["a"] = torch::ones({3});
  written.metadata["format"] = "pt";
  write_safetensors(path_, written);
  const TensorFile read_back = read_tensors(path_);
  expect_equal(read_back, "a", torch::ones({3}));
  EXPECT_EQ(read_back.metadata, written.metadata);
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
  const std::string bytes = read_file(file(GetParam()));
  write_text(path_, bytes);
  EXPECT_TRUE(reads(path_));
  for (size_t size = bytes.size(); size-- > 0;) {
    fs::resize_file(path_, size);
    ASSERT_FALSE(reads(path_)) << size;
  }
}

TEST_P(DamageTest, OneWrongByteNeverDoesMoreThanThat) {
  const std::string bytes = read_file(file(GetParam()));
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
