#include "data/text_source.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace data {
namespace fs = std::filesystem;

namespace {

constexpr size_t kBufferBytes = 1 << 18;

}  // namespace

TextSource::TextSource(fs::path path)
    : path_(std::move(path)), file_(nullptr, &gzclose), buffer_(kBufferBytes), at_(buffer_.data()), end_(at_) {
  if (fs::is_directory(path_)) fail("is a folder, not a file");
  file_.reset(gzopen(path_.c_str(), "rb"));
  if (file_ == nullptr) fail(std::string("cannot be read: ") + std::strerror(errno));
  gzbuffer(file_.get(), kBufferBytes);
  if (at_end()) fail("is empty");
}

bool TextSource::fill() {
  before_ += static_cast<size_t>(end_ - buffer_.data());
  const int count = gzread(file_.get(), buffer_.data(), static_cast<unsigned>(buffer_.size()));
  at_ = buffer_.data();
  end_ = at_ + (count > 0 ? count : 0);
  if (count > 0) return true;
  // zlib hands out all it can unpack before it says that the rest is missing.
  int error = Z_OK;
  gzerror(file_.get(), &error);
  if (error == Z_BUF_ERROR) fail("is truncated: its compressed data ends early " + place());
  if (error == Z_ERRNO) fail(std::string("reading failed: ") + std::strerror(errno));
  if (error != Z_OK) fail(std::string("its compressed data is damaged ") + place());
  ended_ = true;
  return false;
}

std::string TextSource::place(size_t position) const {
  return "(byte " + std::to_string(position) + (gzdirect(file_.get()) != 0 ? ")" : " of the unpacked text)");
}

void TextSource::fail(const std::string& what) const { throw std::runtime_error(path_.string() + ": " + what); }

void TextSource::fail_json(const std::exception& error) const {
  if (ended_) fail("is no JSON: it ends early " + place() + ", as a truncated file does");
  // "[json.exception.parse_error.101] parse error at ...: syntax error while parsing value - WHY; last read: '...'"
  std::string_view why = error.what();
  if (why.find("ill-formed UTF-8") != why.npos) fail("holds bytes that are not UTF-8 " + place());
  why = why.substr(0, why.find("; last read"));
  for (const std::string_view before : {"] ", " - "}) {
    if (const size_t found = why.find(before); found != why.npos) why.remove_prefix(found + before.size());
  }
  fail("is no JSON: " + std::string(why) + " " + place());
}

}  // namespace data
