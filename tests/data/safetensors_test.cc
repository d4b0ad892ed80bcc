#include "data/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <stdexcept>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TensorFile sample() {
  TensorFile file;
  file.tensors["a.weight"] = torch::arange(6, torch::kFloat32).reshape({2, 3});
  file.tensors["b"] = torch::tensor({1, -1}, torch::kInt64);
  file.tensors["short"] = torch::tensor({-300, 300}, torch::kInt16);
  file.tensors["half"] = torch::full({3}, 0.5, torch::kFloat16);
  file.tensors["none"] = torch::empty({0, 4});
  file.tensors["transposed"] = torch::arange(6, torch::kFloat64).reshape({2, 3}).t();
  file.metadata["format"] = "pt";
  return file;
}

TEST(SafeTensors, AreReadAsTheyAreWritten) {
  const TemporaryFolder folder;
  const TensorFile written = sample();
  write_safetensors(folder / "t", written);
  const TensorFile read = read_safetensors(folder / "t");
  EXPECT_EQ(read.metadata, written.metadata);
  ASSERT_EQ(read.tensors.size(), written.tensors.size());
  for (const auto& [name, tensor] : written.tensors) {
    EXPECT_EQ(read.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(torch::equal(read.at(name), tensor)) << name;
  }
  EXPECT_THROW(read.at("c"), std::out_of_range);
}

TEST(SafeTensors, AreNotChangedByWritingToWhatWasRead) {
  const TemporaryFolder folder;
  write_safetensors(folder / "t", sample());
  read_safetensors(folder / "t").at("b").fill_(7);
  EXPECT_EQ(read_safetensors(folder / "t").at("b")[0].item<int64_t>(), 1);
}

// A header of some kilobytes could ask for as many copies of the file as it names tensors.
TEST(SafeTensors, OverlappingCopiesAreRefused) {
  const TemporaryFolder folder;
  const std::string tensor = R"(": {"dtype": "F32", "shape": [1024], "data_offsets": [0, 4096]})";
  std::string header = "{";
  for (int i = 0; i < 100; ++i) header += (i == 0 ? "\"" : ", \"") + std::to_string(i) + tensor;
  header += "}";
  header.resize(header.size() / 4 * 4 + 5, ' ');  // so that they lie at odd places
  const uint64_t length = header.size();
  write_text(folder / "t",
             std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header + std::string(4096, '\0'));
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_safetensors(folder / "t"); }),
              HasSubstr("t: is damaged: its tensors overlap"));
}

TEST(SafeTensors, EndlessNamesAreRefused) {
  const TemporaryFolder folder;
  TensorFile file;
  file.tensors[std::string(1001, '.')] = torch::zeros({1});
  write_safetensors(folder / "t", file);
  EXPECT_THAT(error_of<std::runtime_error>([&] { read_safetensors(folder / "t"); }), HasSubstr("a name of 1001 bytes"));
}

/// Kilobytes of files that this process has in memory.
int64_t resident_of_files() {
  std::ifstream status("/proc/self/status");
  const std::string label = "RssFile:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(label)) return std::stoll(line.substr(label.size()));
  }
  return -1;
}

// Both a file and a network made of it used to be in memory together.
TEST(SafeTensors, GiveBackTheirMemoryOneByOne) {
  constexpr int64_t kKilobytes = 32 * 1024;
  const TemporaryFolder folder;
  TensorFile file;
  for (const char* name : {"a", "b"}) file.tensors[name] = torch::ones({kKilobytes * 1024 / 4});
  write_safetensors(folder / "t", file);
  file = read_safetensors(folder / "t");
  const int64_t before = resident_of_files();
  for (const auto& [name, tensor] : file.tensors) EXPECT_EQ(tensor.sum().item<double>(), tensor.numel());
  EXPECT_GT(resident_of_files() - before, 1.9 * kKilobytes);
  file.tensors.erase("a");
  EXPECT_LT(resident_of_files() - before, 1.1 * kKilobytes);
  EXPECT_EQ(file.at("b").sum().item<double>(), file.at("b").numel());
}

TEST(SafeTensors, AtOddPlacesAreCopied) {
  const TemporaryFolder folder;
  for (const std::string padding : {"", " ", "  ", "   "}) {
    const std::string header = R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})" + padding;
    const uint64_t length = header.size();
    const std::array<float, 2> values{1.5F, -2.F};
    write_text(folder / "t", std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header +
                                 std::string(reinterpret_cast<const char*>(values.data()), sizeof(values)));
    const torch::Tensor x = read_safetensors(folder / "t").at("x");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(x.data_ptr()) % sizeof(float), 0u);
    EXPECT_TRUE(torch::equal(x, torch::tensor({1.5F, -2.F})));
  }
}

TEST(SafeTensors, TruncatedAnywhereAreRefused) {
  const TemporaryFolder folder;
  const std::string path = (folder / "t").string();
  write_safetensors(path, sample());
  const std::string bytes = read_file(path);
  for (size_t size = 0; size < bytes.size(); ++size) {
    write_text(path, bytes.substr(0, size));
    EXPECT_THAT(error_of<std::runtime_error>([&] { read_safetensors(path); }), StartsWith(path + ": ")) << size;
  }
}

TEST(SafeTensors, WithAWrongHeaderAreRefused) {
  const TemporaryFolder folder;
  const std::string path = (folder / "t").string();
  const auto error = [&](const std::string& header, size_t data = 8) {
    const uint64_t length = header.size();
    write_text(path,
               std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header + std::string(data, '\0'));
    return error_of<std::runtime_error>([&] { read_safetensors(path); });
  };
  const auto tensor = [](const std::string& type, const std::string& shape, const std::string& offsets) {
    return R"({"x": {"dtype": ")" + type + R"(", "shape": )" + shape + R"(, "data_offsets": )" + offsets + "}}";
  };
  EXPECT_THAT(error("[1]"), HasSubstr("its header is not a JSON object"));
  EXPECT_THAT(error(R"({"x": 3})"), HasSubstr("tensor 'x' lacks a valid dtype, shape or data_offsets"));
  EXPECT_THAT(error(tensor("F33", "[2]", "[0, 8]")), HasSubstr("tensor 'x' has the unknown dtype F33"));
  EXPECT_THAT(error(tensor("F32", "[3]", "[0, 8]")), HasSubstr("tensor 'x': its offsets do not fit its shape"));
  EXPECT_THAT(error(tensor("F32", "[2]", "[8, 0]")), HasSubstr("its offsets do not fit its shape"));
  EXPECT_THAT(error(tensor("F32", "[-2]", "[0, 8]")), HasSubstr("has an impossible shape"));
  EXPECT_THAT(error(tensor("F32", "[4294967296, 4294967296]", "[0, 0]")), HasSubstr("has an impossible shape"));
  EXPECT_THAT(error(tensor("F32", "[0, 4611686018427387904, 4]", "[0, 0]")), HasSubstr("has an impossible shape"));
  EXPECT_THAT(error(R"({"a\nb": 3})"), HasSubstr("tensor 'a?b' lacks a valid dtype"));
  EXPECT_THAT(error(tensor("F32", "[2]", "[4, 12]")), HasSubstr("is truncated inside tensor 'x'"));
  EXPECT_THAT(error(R"({"__metadata__": {"a": 1}})"), HasSubstr("metadata 'a' is not a string"));
}

}  // namespace
}  // namespace data
