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

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};

  static void require(bool fine) {
    if (!fine) throw std::runtime_error("libcrypto offers no SHA-256");
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  State::require(state_->context != nullptr && EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::update(const void* bytes, size_t size) {
  State::require(EVP_DigestUpdate(state_->context.get(), bytes, size) == 1);
}

std::string Sha256::digest() {
  std::array<unsigned char, 32> digest{};
  State::require(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr) == 1);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

std::string sha256_of_file(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) { throw std::runtime_error(path.string() + ": " + what); };
  if (std::filesystem::is_directory(path)) fail("is a folder, not a file");
  // Some would be read for ever.
  if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) fail("is no regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(std::string("cannot be read: ") + std::strerror(errno));

  constexpr size_t kBufferBytes = 1 << 20;
  std::vector<char> buffer(kBufferBytes);
  Sha256 sha;
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    sha.update(buffer.data(), static_cast<size_t>(in.gcount()));
  }
  if (in.bad()) fail(std::string("reading failed: ") + std::strerror(errno));
  return sha.digest();
}

}  // namespace data
