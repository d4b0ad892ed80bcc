// What the tests of PyTorch's files share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/torch_file.h"
#include "tests/data/error_of.h"
#include "tests/data/pickles.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {

/// A file of tests/data/files, which tests/data/make_torch_files.py wrote.
inline std::filesystem::path torch_file_path(const std::string& which) {
  return std::filesystem::path(VQA_SOURCE_DIR "/tests/data/files") / which;
}

inline std::vector<std::string> names(const TensorFile& read) {
  std::vector<std::string> all;
  for (const auto& [tensor_name, value] : read.tensors) all.push_back(tensor_name);
  return all;
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
    EXPECT_THAT(message, testing::StartsWith(path_.string() + ": "));
    return message.substr(path_.string().size() + 2);
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "weights.pth";
};

inline const std::string kEightFloats = std::string(32, '\0');

/// A state_dict with one tensor of eight floats.
inline std::string view_of_eight(const pickles::View& view) {
  return pickles::dict({{"w", pickles::tensor(pickles::storage("0", 8), view)}});
}

}  // namespace data
