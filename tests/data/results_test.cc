#include "data/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "data/atomic_file.h"
#include "data/json_file.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using testing::HasSubstr;

TEST(Results, AreReadAsTheyAreWritten) {
  const TemporaryFolder folder;
  const std::vector<Result> written{{42001, "it's \"red\"\n"}, {7, "caf\xC3\xA9"}, {9'000'000'000, ""}};
  write_results(folder / "r.json", written);
  const std::vector<Result> read = read_results(folder / "r.json");
  ASSERT_EQ(read.size(), written.size());
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].question_id, written[i].question_id);
    EXPECT_EQ(read[i].answer, written[i].answer);
  }
  EXPECT_EQ(read_json(folder / "r.json")[0], (nlohmann::json{{"question_id", 42001}, {"answer", "it's \"red\"\n"}}));
  write_results(folder / "none.json", {});
  EXPECT_TRUE(read_results(folder / "none.json").empty());
}

TEST(Results, RefuseARepeatedQuestion) {
  const TemporaryFolder folder;
  const std::string path = (folder / "r.json").string();
  write_text(path, R"([{"question_id": 5, "answer": "a"}, {"question_id": 5, "answer": "a"}])");
  EXPECT_EQ(error_of<std::runtime_error>([&] { read_results(path); }),
            path + ": question 5 has two results; each question is answered once");
}

TEST(Results, RefuseAnotherShape) {
  const TemporaryFolder folder;
  const std::string path = (folder / "r.json").string();
  const auto error = [&](const std::string& text) {
    write_text(path, text);
    return error_of<std::runtime_error>([&] { read_results(path); });
  };
  EXPECT_EQ(error(R"({"5": "a"})"),
            path + ": holds an object where a list of results, [{...}, ...] is expected (byte 1)");
  EXPECT_EQ(error(R"([{"question_id": "5", "answer": "a"}])"),
            path + ": results[0] (byte 2) 'question_id' is a string, not an integer");
  EXPECT_EQ(error(R"([{"question_id": 5}])"), path + ": results[0] (byte 2) lacks 'answer'");
  EXPECT_THAT(error(R"([{"question_id": 5, "answer")"), HasSubstr("it ends early"));
}

TEST(Results, AreNotWrittenInPart) {
  const TemporaryFolder folder;
  write_text(folder / "r.json", "old");
  EXPECT_THAT(error_of<std::runtime_error>([&] {
                write_results(folder / "r.json", {{1, "a"}, {2, "\xFF"}});
              }),
              HasSubstr("r.json: the answer to question 2 is not UTF-8"));
  EXPECT_EQ(read_file(folder / "r.json"), "old");
  EXPECT_THAT(error_of<std::runtime_error>([&] {
                write_results("/dev/full", {{1, "a"}});
              }),
              HasSubstr("/dev/full: cannot be written: No space left on device"));
  EXPECT_THAT(error_of<std::runtime_error>([&] { write_results(folder / "no/folder.json", {}); }),
              HasSubstr("no/folder.json: cannot be written"));
}

}  // namespace
}  // namespace data
