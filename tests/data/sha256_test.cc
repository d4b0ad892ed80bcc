#include "data/sha256.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/data/error_of.h"
#include "tests/data/write.h"
#include "tests/temporary_folder.h"

namespace data {
namespace {

// FIPS 180-4's own examples (the standard's appendix of examples, SHA-256).
TEST(Sha256, OfKnownTexts) {
  const TemporaryFolder folder;
  const auto hash = [&](const std::string& text) {
    write_text(folder / "f", text);
    return sha256_of_file(folder / "f");
  };
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(hash(std::string(3'000'000, '\0')), "35bce4eae54ec8e6cc2868baa8d157914d6ae2858811b4cc0c078c94460fa26f");
}

TEST(Sha256, OfWhatCannotBeRead) {
  const TemporaryFolder folder;
  const std::string path = (folder / "none").string();
  EXPECT_THAT(error_of<std::runtime_error>([&] { sha256_of_file(path); }),
              testing::StartsWith(path + ": cannot be read: "));
  EXPECT_EQ(error_of<std::runtime_error>([&] { sha256_of_file(folder.path()); }),
            folder.path().string() + ": is a folder, not a file");
}

}  // namespace
}  // namespace data
