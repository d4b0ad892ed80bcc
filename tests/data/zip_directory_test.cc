#include "data/zip_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/pickles.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

using pickles::bytes_of;
using pickles::zip;
using testing::HasSubstr;
using testing::StartsWith;

class ZipDirectoryTest : public testing::Test {
 protected:
  ZipDirectory open(const std::string& bytes) const {
    write_text(path_, bytes);
    return ZipDirectory(std::make_shared<FileMapping>(path_));
  }
  std::string error(const std::string& bytes) const {
    const std::string message = error_of<std::runtime_error>([&] { open(bytes).at("a"); });
    EXPECT_THAT(message, StartsWith(path_.string() + ": "));
    return message.substr(path_.string().size() + 2);
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "f.zip";
};

const std::string kDamaged = "its zip directory is damaged";

TEST_F(ZipDirectoryTest, TellsWhereEntriesLie) {
  const ZipDirectory directory = open(zip({{"a", "first"}, {"x/b", ""}, {"x/y/b", "third"}}));
  EXPECT_EQ(directory.text("a"), "first");
  EXPECT_EQ(directory.text("x/b"), "");
  EXPECT_EQ(directory.text("x/y/b"), "third");
  EXPECT_TRUE(directory.contains("a"));
  EXPECT_FALSE(directory.contains("b"));
  EXPECT_EQ(directory.find_ending("/b"), "x/b");
  EXPECT_EQ(directory.find_ending("/c"), "");
}

TEST_F(ZipDirectoryTest, CommentsAtTheEndAreSkipped) {
  std::string bytes = zip({{"a", "first"}});
  bytes.replace(bytes.size() - 2, 2, bytes_of(5, 2) + "hello");
  EXPECT_EQ(open(bytes).text("a"), "first");
}

TEST_F(ZipDirectoryTest, WithoutItsEndIsTruncated) {
  const std::string bytes = zip({{"a", "first"}});
  EXPECT_THAT(error(bytes.substr(0, bytes.size() - 1)), StartsWith("is truncated: its zip directory"));
  EXPECT_THAT(error("PK"), StartsWith("is truncated: its zip directory"));
}

TEST_F(ZipDirectoryTest, LiesAboutSizesAreRefused) {
  const uint64_t huge = uint64_t{1} << 63;
  EXPECT_EQ(error(zip({{"a", "first", 0, huge}})), "its entry 'a' reaches beyond the file");
  EXPECT_EQ(error(zip({{"a", "first", 0, ~uint64_t{0} - 1}})), "its entry 'a' reaches beyond the file");
  EXPECT_EQ(error(zip({{"a", "first", 0, 1000}})), "its entry 'a' reaches beyond the file");
}

TEST_F(ZipDirectoryTest, LiesOfTheDirectoryAreRefused) {
  const std::string bytes = zip({{"a", "first"}});
  const auto changed = [&](size_t from_end, uint64_t value, size_t count) {
    std::string lie = bytes;
    return error(lie.replace(bytes.size() - from_end, count, bytes_of(value, count)));
  };
  EXPECT_EQ(changed(12, 2, 2), kDamaged);           // entries
  EXPECT_EQ(changed(12, 0xffff, 2), kDamaged);      // entries
  EXPECT_EQ(changed(10, 0xffffffff, 4), kDamaged);  // size
  EXPECT_EQ(changed(6, 0xffffffff, 4), kDamaged);   // place
  EXPECT_EQ(changed(6, 0, 4), kDamaged);            // place
  const size_t entry = 22 + 46 + 1;
  EXPECT_EQ(changed(entry, 7, 4), kDamaged);            // signature
  EXPECT_EQ(changed(entry - 28, 0xffff, 2), kDamaged);  // length of the name
  EXPECT_EQ(changed(entry - 20, 0xffffffff, 4), kDamaged) << "a large size without zip64's field";
  EXPECT_EQ(changed(entry - 42, 1, 4), "its entry 'a' is not where its directory says");
  EXPECT_EQ(changed(entry - 42, 0xfffffff0, 4), "its entry 'a' is not where its directory says");
  EXPECT_EQ(error(zip({{"a", "first"}, {"a", "second"}})), "holds 'a' twice");
  EXPECT_EQ(error(zip({{"b", "first"}})), "lacks the entry 'a'");
}

TEST_F(ZipDirectoryTest, LargeArchivesHaveAnotherEnd) {
  const std::string small = zip({{"a", "first"}});
  const std::string body = small.substr(0, small.size() - 22);
  const uint64_t directory = 30 + 1 + 5;
  const auto archive = [&](uint64_t count, uint64_t size, uint64_t place, uint64_t end) {
    return body + "PK\x06\x06" + bytes_of(44, 8) + bytes_of(0, 12) + bytes_of(count, 8) + bytes_of(count, 8) +
           bytes_of(size, 8) + bytes_of(place, 8) + "PK\x06\x07" + bytes_of(0, 4) + bytes_of(end, 8) + bytes_of(1, 4) +
           "PK\x05\x06" + bytes_of(0, 4) + bytes_of(0xffff, 2) + bytes_of(0xffff, 2) + bytes_of(0xffffffff, 4) +
           bytes_of(0xffffffff, 4) + bytes_of(0, 2);
  };
  EXPECT_EQ(open(archive(1, 47, directory, body.size())).text("a"), "first");
  const uint64_t huge = uint64_t{1} << 63;
  EXPECT_EQ(error(archive(huge, 47, directory, body.size())), kDamaged);
  EXPECT_EQ(error(archive(1, huge, directory, body.size())), kDamaged);
  EXPECT_EQ(error(archive(1, 47, huge, body.size())), kDamaged);
  EXPECT_EQ(error(archive(1, 47, directory, huge)), kDamaged);
  EXPECT_EQ(error(archive(1, 47, directory, 3)), kDamaged);
}

TEST_F(ZipDirectoryTest, PackedEntriesAreRefusedWhereTheyAreWanted) {
  const std::string bytes = zip({{"a", "first", 8}, {"b", "second"}});
  EXPECT_EQ(open(bytes).text("b"), "second");
  EXPECT_THAT(error(bytes), StartsWith("its entry 'a' is packed or encrypted"));
}

}  // namespace
}  // namespace data
