// Large JSON files that hold one array of records, read as a stream: memory holds one record and a buffer, never the
// file's tree.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace data {

/// Told of each problem, one line with the path, where a reader may go on after it.
using ProblemSink = std::function<void(const std::string& problem)>;

/// One key that every record must have, and where its value is put: an integer, a string, or the strings that a list of
/// objects holds under `element_key`.
struct RecordField {
  std::string_view key;
  std::variant<int64_t*, std::string*, std::vector<std::string>*> value;
  std::string_view element_key = {};
};

struct RecordFormat {
  std::string name;       // what messages call the array: "questions"
  bool in_object = true;  // the array stands under the key `name` of the top object; else it is the top itself
  std::vector<RecordField> fields;  // other keys of a record are passed over
  std::function<void()> on_record;  // called when the fields hold a whole record; may move their values out
};

/// Reads a file, plain or gzip, record by record. Throws std::runtime_error of one line with path and byte (counted
/// from 1, in the unpacked text) where the file is missing, empty, truncated, no JSON, not UTF-8, or lacks the array.
/// A record that is no object, lacks a field or holds another type (also an integer beyond 64 bits) is told to
/// `on_problem` and left out, or thrown as an error where `on_problem` is empty; its
/// byte is that of its opening brace.
void read_records(const std::filesystem::path& path, const RecordFormat& format, const ProblemSink& on_problem);

}  // namespace data
