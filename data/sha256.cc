#include "data/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

namespace data {

std::string sha256_of_file(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) { throw std::runtime_error(path.string() + ": " + what); };
  if (std::filesystem::is_directory(path)) fail("is a folder, not a file");
  // Some would be read for ever.
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) fail("is no regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(std::string("cannot be read: ") + std::strerror(errno));

  constexpr size_t kBufferBytes = 1 << 20;
  std::vector<char> buffer(kBufferBytes);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> state(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool fine = state != nullptr && EVP_DigestInit_ex(state.get(), EVP_sha256(), nullptr) == 1;
  while (fine && in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    fine = EVP_DigestUpdate(state.get(), buffer.data(), static_cast<size_t>(in.gcount())) == 1;
  }
  if (in.bad()) fail(std::string("reading failed: ") + std::strerror(errno));
  std::array<unsigned char, 32> digest{};
  fine = fine && EVP_DigestFinal_ex(state.get(), digest.data(), nullptr) == 1;
  if (!fine) fail("libcrypto offers no SHA-256");

  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

}  // namespace data
