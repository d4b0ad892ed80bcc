#include "data/json_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const char* const kText = R"({"a": [1, 2.5, "b"], "c": {"d": null}})";

TEST(JsonFile, IsReadPlainOrPacked) {
  const TemporaryFolder folder;
  write_text(folder / "plain", kText);
  write_packed(folder / "packed", kText);
  EXPECT_EQ(read_json(folder / "plain"), nlohmann::json::parse(kText));
  EXPECT_EQ(read_json(folder / "packed"), nlohmann::json::parse(kText));
}

TEST(JsonFile, ErrorsNamePathAndByte) {
  const TemporaryFolder folder;
  const std::string path = (folder / "x.json").string();
  const auto error = [&](const std::string& text) {
    write_text(path, text);
    return error_of<std::runtime_error>([&] { read_json(path); });
  };
  EXPECT_EQ(error(R"({"a": nul})"), path + ": is no JSON: invalid literal (byte 10)");
  EXPECT_EQ(error(""), path + ": is empty");
  EXPECT_EQ(error(R"({"a": "b)"), path + ": is no JSON: it ends early (byte 8), as a truncated file does");
  EXPECT_EQ(error("[\"\xFF\"]"), path + ": holds bytes that are not UTF-8 (byte 3)");
  EXPECT_THAT(error("[1e999]"), HasSubstr("number overflow"));
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_json(folder / "none"); }),
            (folder / "none").string() + ": cannot be read: No such file or directory");
}

TEST(JsonFile, SaysSoWhereverItIsTruncated) {
  const TemporaryFolder folder;
  const std::string path = (folder / "x.json").string();
  for (size_t size = 0; size < std::string(kText).size(); ++size) {
    write_text(path, std::string(kText).substr(0, size));
    EXPECT_THAT(error_of<std::runtime_error>([&] { read_json(path); }), StartsWith(path + ": ")) << size;
  }
}

}  // namespace
}  // namespace data
