#include "data/torch_file.h"

#include "data/safetensors.h"
#include "tests/data/torch_file_case.h"

namespace data {
namespace {

using pickles::dict;
using pickles::name;
using pickles::number;
using pickles::numbers;
using pickles::storage;
using pickles::tensor;
using pickles::text;
using pickles::torch_file;
using pickles::tuple;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

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

class StateTest : public testing::TestWithParam<std::string> {};

TEST_P(StateTest, AsPyTorchWroteItIsRead) {
  const TensorFile read = read_tensors(torch_file_path(GetParam()));
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
  const TensorFile read = read_tensors(torch_file_path(GetParam()));
  EXPECT_TRUE(read.at("rows").is_alias_of(read.at("columns")));
  EXPECT_TRUE(read.at("rows").is_alias_of(read.at("every_other")));
  EXPECT_FALSE(read.at("rows").is_alias_of(read.at("float")));
  read.at("every_other").fill_(-1);
  EXPECT_EQ(read.at("rows")[0][1].item<float>(), -1);
  EXPECT_EQ(read_tensors(torch_file_path(GetParam())).at("rows")[0][1].item<float>(), 1) << "the file has changed";
}

INSTANTIATE_TEST_SUITE_P(Formats, StateTest, testing::Values("zip.pth", "old.pth", "protocol4.pth"));

TEST(TorchFile, TypesWithoutAStorageClassAreRead) {
  const TensorFile read = read_tensors(torch_file_path("float8.pth"));
  EXPECT_EQ(read.at("float8").scalar_type(), torch::kFloat8_e4m3fn);
  EXPECT_TRUE(torch::equal(read.at("float8").to(torch::kFloat32), torch::tensor({1.0F, -0.5F})));
}

TEST(TorchFile, OfACheckpointItsStateIsRead) {
  for (const std::string which : {"checkpoint.pth.tar", "old_checkpoint.pth.tar"}) {
    const TensorFile read = read_tensors(torch_file_path(which));
    EXPECT_THAT(names(read),
                ElementsAre("module.conv1.weight", "module.layer1.0.bias", "module.layer1.0.num_batches_tracked",
                            "module.layer1.0.running_mean", "module.layer1.0.running_var", "module.layer1.0.weight"));
    expect_equal(read, "module.conv1.weight", quarters({4, 3, 1, 1}));
    expect_equal(read, "module.layer1.0.running_var", quarters({4}));
  }
}

TEST(TorchFile, OfATorchScriptArchiveAttributesAreRead) {
  const TensorFile read = read_tensors(torch_file_path("script.pt"));
  EXPECT_THAT(names(read),
              ElementsAre("logit_scale", "transformer.bias", "transformer.weight", "visual.conv1.weight",
                          "visual.layer1.0.bias", "visual.layer1.0.num_batches_tracked", "visual.layer1.0.running_mean",
                          "visual.layer1.0.running_var", "visual.layer1.0.weight"));
  expect_equal(read, "visual.conv1.weight", quarters({4, 3, 1, 1}).to(torch::kFloat16));
  expect_equal(read, "visual.layer1.0.bias", quarters({4}).to(torch::kFloat16));
}

TEST(TorchFile, WithAWholeModuleIsRefusedByItsClass) {
  const std::string message = error_of<std::runtime_error>([] { read_tensors(torch_file_path("whole_module.pth")); });
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

TEST_F(TorchFileTest, WithoutNamedTensorsIsRefused) {
  const std::string none = "holds no named tensors; save the network's state_dict";
  const std::string w = tensor(storage("0", 8), {0, {8}, {1}});
  for (const std::string& value : std::vector<std::string>{"N", "}", w, "]" + w + "a", dict({{"epoch", number(3)}})}) {
    EXPECT_EQ(error(torch_file(value, {{"0", kEightFloats}})), none);
  }
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

}  // namespace
}  // namespace data
