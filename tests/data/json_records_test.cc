#include "data/json_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "data/atomic_file.h"
#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Row {
  int64_t id = 0;
  std::string text;
  std::vector<std::string> parts;

  bool operator==(const Row&) const = default;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.id << " " << row.text << " " << testing::PrintToString(row.parts);
}

std::vector<Row> read(const fs::path& path, bool in_object = true, const ProblemSink& on_problem = {}) {
  std::vector<Row> rows;
  Row row;
  RecordFormat format;
  format.name = "rows";
  format.in_object = in_object;
  format.fields = {{"id", &row.id}, {"text", &row.text}, {"parts", &row.parts, "part"}};
  format.on_record = [&] { rows.push_back(std::move(row)); };
  read_records(path, format, on_problem);
  return rows;
}

class JsonRecords : public testing::Test {
 protected:
  fs::path file(const std::string& text) {
    write_text(path_, text);
    return path_;
  }
  std::string error(const std::string& text, bool in_object = true) {
    file(text);
    const std::string message = error_of<std::runtime_error>([&] { read(path_, in_object); });
    EXPECT_THAT(message, StartsWith(path_.string() + ": "));
    return message.substr(std::min(message.size(), path_.string().size() + 2));
  }
  // The error of a record: `fields` stands between the braces.
  std::string field_error(const std::string& fields) { return error("{\"rows\": [{" + fields + "}]}"); }

  const TemporaryFolder folder_;
  const fs::path path_ = folder_ / "rows.json";
};

const char* const kGood =
    R"({"info": {"rows": [{"id": 7}], "deep": [[], {"a": null}]}, "list": [1, 2.5, "rows", true], "rows": [
      {"id": 1, "text": "one", "parts": [{"part": "a"}, {"n": 3, "part": "b", "more": {"part": 4}}]},
      {"extra": {"id": "x", "parts": [1]}, "parts": [], "text": "zw\u00f6lf \"\\\n", "id": -9223372036854775808}
    ], "license": "free"})";

std::vector<Row> good_rows() {
  return {{1, "one", {"a", "b"}}, {std::numeric_limits<int64_t>::min(), "zw\xC3\xB6lf \"\\\n", {}}};
}

TEST_F(JsonRecords, FindsTheArrayAmongOtherKeysAndPassesOverTheRest) { EXPECT_EQ(read(file(kGood)), good_rows()); }

TEST_F(JsonRecords, ReadsPackedFiles) {
  write_packed(path_, kGood);
  EXPECT_EQ(read(path_), good_rows());
}

TEST_F(JsonRecords, ReadsAnArrayAtTheTop) {
  const std::vector<Row> expected{{5, "t", {"p"}}};
  EXPECT_EQ(read(file(R"([{"id": 5, "text": "t", "parts": [{"part": "p"}]}])"), false), expected);
  EXPECT_TRUE(read(file("[]"), false).empty());
}

TEST_F(JsonRecords, ReadsFilesLargerThanItsBuffer) {
  std::string text = "{\"rows\": [";
  for (int i = 0; i < 20'000; ++i) {
    text += (i > 0 ? "," : "") + std::string(R"({"id": )") + std::to_string(i) + R"(, "text": "t", "parts": []})";
  }
  write_packed(path_, text + "]}");
  const std::vector<Row> rows = read(path_);
  ASSERT_EQ(rows.size(), 20'000U);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(rows[static_cast<size_t>(i)].id, i);
}

TEST_F(JsonRecords, RefusesWhatIsNoFile) {
  EXPECT_EQ(error_of<std::runtime_error>([&] { read(folder_ / "none.json"); }),
            (folder_ / "none.json").string() + ": cannot be read: No such file or directory");
  EXPECT_EQ(error_of<std::runtime_error>([&] { read(folder_.path()); }),
            folder_.path().string() + ": is a folder, not a file");
  EXPECT_EQ(error(""), "is empty");
}

TEST_F(JsonRecords, RefusesWhatIsNoJson) {
  EXPECT_EQ(error("hello"), "is no JSON: invalid literal (byte 1)");
  EXPECT_EQ(error(R"({"rows": []}})"), "is no JSON: unexpected '}'; expected end of input (byte 13)");
  EXPECT_THAT(error(R"({"rows": [)"), HasSubstr("it ends early (byte 10), as a truncated file does"));
  EXPECT_THAT(error("{\"rows\": [\"a\nb\"]}"), HasSubstr("control character U+000A (LF) must be escaped"));
  EXPECT_THAT(error(R"({"rows": [1e999]})"), HasSubstr("number overflow"));
}

TEST_F(JsonRecords, RefusesBytesThatAreNotUtf8) {
  EXPECT_EQ(field_error("\"text\": \"caf\xE9\""), "holds bytes that are not UTF-8 (byte 25)");
}

TEST_F(JsonRecords, RefusesAnotherShape) {
  EXPECT_EQ(error("[]"), "holds an array where an object with 'rows' is expected (byte 1)");
  EXPECT_EQ(error("12"), "holds a number where an object with 'rows' is expected (byte 2)");
  EXPECT_EQ(error("{}", false), "holds an object where a list of rows, [{...}, ...] is expected (byte 1)");
  EXPECT_EQ(error(R"({"questions": []})"), "lacks the key 'rows'");
  EXPECT_EQ(error(R"({"rows": {"1": 2}})"), "'rows' is an object, not an array (byte 10)");
  EXPECT_EQ(error(R"({"rows": null})"), "'rows' is null, not an array (byte 13)");
  EXPECT_EQ(error(R"({"rows": [], "rows": []})"), "has 'rows' twice (byte 22)");
  EXPECT_EQ(error(R"({"rows": [3]})"), "rows[0] (byte 12) is a number, not an object");
  EXPECT_EQ(error(R"({"rows": [[3]]})"), "rows[0] (byte 11) is an array, not an object");
}

TEST_F(JsonRecords, NamesTheKeyThatIsMissingOrOfAnotherType) {
  const std::string at = "rows[0] (byte 11) ";
  EXPECT_EQ(field_error(R"("id": 1, "parts": [])"), at + "lacks 'text'");
  EXPECT_EQ(field_error(""), at + "lacks 'id'");
  EXPECT_EQ(field_error(R"("id": "1")"), at + "'id' is a string, not an integer");
  EXPECT_EQ(field_error(R"("id": 1.0)"), at + "'id' is a number with a fraction or exponent, not an integer");
  EXPECT_EQ(field_error(R"("id": true)"), at + "'id' is a boolean, not an integer");
  EXPECT_EQ(field_error(R"("text": {"id": 3})"), at + "'text' is an object, not a string");
  EXPECT_EQ(field_error(R"("text": null)"), at + "'text' is null, not a string");
  EXPECT_EQ(field_error(R"("parts": "a")"), at + "'parts' is a string, not an array");
  EXPECT_EQ(field_error(R"("parts": ["a"])"), at + "'parts' has an element that is a string, not an object");
  EXPECT_EQ(field_error(R"("parts": [["a"]])"), at + "'parts' has an element that is an array, not an object");
  EXPECT_EQ(field_error(R"("parts": [{"other": "a"}])"), at + "'parts' has an element without 'part'");
  EXPECT_EQ(field_error(R"("parts": [{"part": 3}])"), at + "'part' in 'parts' is a number, not a string");
}

TEST_F(JsonRecords, RefusesIntegersBeyond64Bits) {
  EXPECT_EQ(read(file(R"({"rows": [{"id": 9223372036854775807, "text": "", "parts": []}]})")).at(0).id,
            std::numeric_limits<int64_t>::max());
  for (const char* id : {"9223372036854775808", "99999999999999999999", "-9223372036854775809"}) {
    EXPECT_THAT(field_error(R"("id": )" + std::string(id)), HasSubstr("'id' is a number beyond 64 bits"));
  }
}

TEST_F(JsonRecords, CountsRecordsAndBytes) {
  const std::string text = R"({"rows": [{"id": 1, "text": "", "parts": []}, {"id": 2}]})";
  const std::string byte = std::to_string(text.rfind('{') + 1);
  EXPECT_EQ(error(text), "rows[1] (byte " + byte + ") lacks 'text'");
  write_packed(path_, text);
  EXPECT_THAT(error_of<std::runtime_error>([&] { read(path_); }),
              HasSubstr("rows[1] (byte " + byte + " of the unpacked text) lacks 'text'"));
}

TEST_F(JsonRecords, LeavesOutBadRecordsWhereProblemsAreToldAbout) {
  std::vector<std::string> problems;
  const std::vector<Row> rows =
      read(file(R"({"rows": [3, {"id": 1, "text": 5, "parts": 7}, {"id": 2, "text": "ok", "parts": []}, "x", {}]})"),
           true, [&](const std::string& problem) { problems.push_back(problem); });
  EXPECT_EQ(rows, (std::vector<Row>{{2, "ok", {}}}));
  const std::string at = path_.string() + ": rows";
  EXPECT_THAT(problems, ElementsAre(at + "[0] (byte 12) is a number, not an object",
                                    at + "[1] (byte 14) 'text' is a number, not a string", HasSubstr("rows[3]"),
                                    HasSubstr("rows[4]")));
}

/// Reads, and demands one clear line where that fails. Whether it read.
bool reads_or_says_why(const fs::path& path) {
  try {
    read(path);
    return true;
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), StartsWith(path.string() + ": "));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return false;
  }
}

TEST_F(JsonRecords, SaysSoWhereverAFileIsTruncated) {
  const std::string text = kGood;
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(reads_or_says_why(file(text.substr(0, size)))) << size;
  }
}

TEST_F(JsonRecords, SaysSoWhereverAPackedFileIsTruncated) {
  write_packed(path_, kGood);
  const std::string packed = read_file(path_);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(reads_or_says_why(file(packed.substr(0, size)))) << size;
  }
  EXPECT_THAT(error(packed.substr(0, packed.size() / 2)), HasSubstr("is truncated: its compressed data ends early"));
}

TEST_F(JsonRecords, SurvivesAnyDamagedByte) {
  write_packed(folder_ / "packed", kGood);
  for (const std::string& sound : {std::string(kGood), read_file(folder_ / "packed")}) {
    for (size_t i = 0; i < sound.size(); ++i) {
      for (const unsigned char flip : {0x01, 0x20, 0x80, 0xFF}) {
        std::string damaged = sound;
        damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ flip);
        reads_or_says_why(file(damaged));
      }
    }
  }
}

TEST_F(JsonRecords, SurvivesDeepNesting) {
  const std::string deep(1'000'000, '[');
  EXPECT_THAT(error(R"({"x": )" + deep), HasSubstr("it ends early"));
}

}  // namespace
}  // namespace data
