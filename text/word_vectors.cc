#include "text/word_vectors.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "data/file_mapping.h"
#include "data/printable.h"

namespace text {
namespace {

constexpr int64_t kMostColumns = 65'536;

/// Words to look for, with their places in the result.
using Wanted = std::unordered_map<std::string_view, size_t>;

/// The lines of a mapped file, whose memory is given back on the way.
class Lines {
 public:
  explicit Lines(const std::filesystem::path& path) : file_(path) {}

  /// The next line without what ends it; nothing at the file's end.
  std::optional<std::string_view> next() {
    if (at_ == file_.size()) return std::nullopt;
    const char* begin = file_.begin() + at_;
    const auto* end = static_cast<const char*>(std::memchr(begin, '\n', file_.size() - at_));
    std::string_view line(begin, end == nullptr ? file_.size() - at_ : static_cast<size_t>(end - begin));
    at_ += line.size() + (end == nullptr ? 0 : 1);
    ++number_;
    forget_read();
    // word2vec ends its lines with a blank.
    for (const char last : {'\r', ' '}) {
      if (line.ends_with(last)) line.remove_suffix(1);
    }
    return line;
  }

  int64_t number() const { return number_; }  // of the last line, from 1
  const data::FileMapping& file() const { return file_; }

  [[noreturn]] void fail(const std::string& what) const { file_.fail("line " + std::to_string(number_) + ": " + what); }

 private:
  /// The caller still looks at the last line; what is far behind it is not needed any more.
  void forget_read() {
    constexpr size_t kChunk = size_t{32} << 20;
    if (at_ - forgotten_ < 2 * kChunk) return;
    file_.forget(forgotten_, kChunk);
    forgotten_ += kChunk;
  }

  data::FileMapping file_;
  size_t at_ = 0;
  size_t forgotten_ = 0;
  int64_t number_ = 0;
};

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

int64_t count_blanks(std::string_view line) { return std::count(line.begin(), line.end(), ' '); }

/// A line's word and the text of its numbers.
struct Row {
  std::string_view word;
  std::string_view numbers;
};

/// Divides a line before its last `dim` fields.
Row split(const Lines& lines, std::string_view line, int64_t dim) {
  const int64_t blanks = count_blanks(line);
  if (blanks < dim) {
    lines.fail("has " + std::to_string(blanks) + " numbers behind its word, not " + std::to_string(dim) +
               "; the file is damaged or truncated");
  }
  size_t at = line.find(' ');
  for (int64_t i = dim; i < blanks; ++i) at = line.find(' ', at + 1);
  const Row row{line.substr(0, at), line.substr(at + 1)};
  // A word with blanks, or a number too many?
  if (blanks > dim && parse<double>(row.word.substr(row.word.rfind(' ') + 1))) {
    lines.fail("has more than " + std::to_string(dim) + " numbers behind its word; the file is damaged");
  }
  return row;
}

/// Writes a row's numbers to `values`, which has room for them.
void parse_numbers(const Lines& lines, const Row& row, float* values) {
  size_t begin = 0;
  while (begin <= row.numbers.size()) {
    const size_t end = std::min(row.numbers.find(' ', begin), row.numbers.size());
    const std::string_view field = row.numbers.substr(begin, end - begin);
    const auto value = static_cast<float>(parse<double>(field).value_or(NAN));
    if (!std::isfinite(value)) {
      lines.fail("'" + data::printable(field) + "' is no finite number; the file is damaged or holds no word vectors");
    }
    *values++ = value;
    begin = end + 1;
  }
}

/// word2vec's first line.
struct Header {
  int64_t rows = 0, dim = 0;
};

std::optional<Header> header_of(std::string_view line) {
  const size_t blank = line.find(' ');
  if (blank == line.npos) return std::nullopt;
  const auto rows = parse<int64_t>(line.substr(0, blank)), dim = parse<int64_t>(line.substr(blank + 1));
  if (!rows || !dim || *rows < 1 || *dim < 1) return std::nullopt;
  return Header{*rows, *dim};
}

void refuse_packed(const data::FileMapping& file) {
  for (const std::string_view magic : {"\x1f\x8b", "PK\x03\x04"}) {
    if (file.bytes().starts_with(magic)) file.fail("is packed; unpack it first");
  }
}

/// How many numbers end a line, behind at least one field for the word.
int64_t count_numbers(std::string_view line) {
  int64_t count = 0;
  for (size_t blank = line.rfind(' '); blank != line.npos; blank = line.rfind(' ')) {
    if (!parse<double>(line.substr(blank + 1))) break;
    line = line.substr(0, blank);
    ++count;
  }
  return count;
}

/// The columns by the first line, which is a row unless there is a header. `wanted`: 0 for any.
int64_t columns(const Lines& lines, std::string_view first, const std::optional<Header>& header, int64_t wanted) {
  const int64_t dim = header ? header->dim : count_numbers(first);
  if (dim == 0) lines.fail("is not a word and its numbers; give a text file of word vectors");
  if (dim > kMostColumns) lines.fail("says " + std::to_string(dim) + " columns; the file is damaged");
  if (wanted != 0 && dim != wanted) {
    lines.file().fail("has vectors of " + std::to_string(dim) + " numbers, word-dim is " + std::to_string(wanted) +
                      "; make them equal");
  }
  return dim;
}

/// Keeps a row if its word is wanted and new.
void keep(const Lines& lines, const Row& row, const Wanted& wanted, WordVectors& vectors) {
  const auto found = wanted.find(row.word);
  if (found == wanted.end() || vectors.found[found->second]) return;
  parse_numbers(lines, row, vectors.values.data() + found->second * static_cast<size_t>(vectors.dim));
  vectors.found[found->second] = true;
  ++vectors.found_count;
}

}  // namespace

WordVectors read_word_vectors(const std::filesystem::path& path, const std::vector<std::string>& words, int64_t dim) {
  Lines lines(path);
  refuse_packed(lines.file());
  Wanted wanted;
  for (size_t i = 0; i < words.size(); ++i) wanted.emplace(words[i], i);
  std::optional<std::string_view> line = lines.next();
  const std::optional<Header> header = header_of(*line);
  WordVectors vectors;
  vectors.dim = columns(lines, *line, header, dim);
  vectors.values.resize(words.size() * static_cast<size_t>(vectors.dim));
  vectors.found.resize(words.size());
  for (line = header ? lines.next() : line; line; line = lines.next())
    keep(lines, split(lines, *line, vectors.dim), wanted, vectors);
  const int64_t rows = lines.number() - (header ? 1 : 0);
  if (header && rows != header->rows) {
    lines.file().fail("has " + std::to_string(rows) + " rows, its first line says " + std::to_string(header->rows) +
                      "; it is truncated or damaged");
  }
  if (vectors.found_count == 0) {
    lines.file().fail("has none of the " + std::to_string(words.size()) +
                      " words wanted; give vectors of the questions' language, in small letters");
  }
  return vectors;
}

}  // namespace text
