#include "data/json_records.h"

#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/text_source.h"

namespace data {

namespace {

using nlohmann::json;

std::string in_quotes(std::string_view name) {
  std::string text(1, '\'');
  text.append(name).push_back('\'');
  return text;
}

/// nlohmann's SAX events, turned into records. A value's place in the file follows from how many containers are open
/// around it (`depth_`), counted from the array of records.
class RecordEvents {
 public:
  RecordEvents(TextSource& source, const RecordFormat& format, const ProblemSink& on_problem)
      : source_(source), format_(format), on_problem_(on_problem), array_depth_(format.in_object ? 1 : 0) {}

  bool null() { return refuse("null"); }
  bool boolean(bool) { return refuse("a boolean"); }
  bool binary(json::binary_t&) { return refuse("binary"); }

  bool number_integer(int64_t value) {
    int64_t* const* slot = slot_of<int64_t*>();
    if (slot == nullptr) return refuse("a number");
    **slot = value;
    return accept();
  }

  bool number_unsigned(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return refuse("a number beyond 64 bits");
    return number_integer(static_cast<int64_t>(value));
  }

  bool number_float(double, const std::string& text) {
    const bool digits_only = text.find_first_of(".eE") == text.npos;
    return refuse(digits_only ? "a number beyond 64 bits" : "a number with a fraction or exponent");
  }

  bool string(std::string& value) {
    if (std::string* const* slot = slot_of<std::string*>(); slot != nullptr) {
      **slot = std::move(value);
      return accept();
    }
    if (list_ == nullptr || depth_ != array_depth_ + 4 || key_ != fields()[field_].element_key) {
      return refuse("a string");
    }
    list_->push_back(std::move(value));
    element_seen_ = true;
    return true;
  }

  bool start_object(size_t) {
    if (depth_ == 0 && format_.in_object) return open();
    if (at_record()) {
      begin_record();
      return open();
    }
    if (list_ != nullptr && depth_ == array_depth_ + 3) {
      element_seen_ = false;
      return open();
    }
    refuse("an object");
    return open();
  }

  bool key(std::string& key) {
    if (depth_ == array_depth_ + 2 && in_array_) {
      for (field_ = 0; field_ < fields().size() && fields()[field_].key != key; ++field_) continue;
    }
    key_ = std::move(key);
    return true;
  }

  bool end_object() {
    --depth_;
    if (at_record()) end_record();
    if (list_ != nullptr && depth_ == array_depth_ + 3 && !element_seen_) {
      problem(in_quotes(fields()[field_].key) + " has an element without " + in_quotes(fields()[field_].element_key));
    }
    return true;
  }

  bool start_array(size_t) {
    if (at_array()) {
      if (found_) source_.fail("has " + in_quotes(format_.name) + " twice " + source_.place());
      found_ = in_array_ = true;
      return open();
    }
    if (std::vector<std::string>* const* slot = slot_of<std::vector<std::string>*>(); slot != nullptr) {
      list_ = *slot;
      list_->clear();
      return open();
    }
    refuse("an array");
    return open();
  }

  bool end_array() {
    --depth_;
    if (in_array_ && depth_ == array_depth_) in_array_ = false;
    if (list_ != nullptr && depth_ == array_depth_ + 2) {
      list_ = nullptr;
      accept();
    }
    return true;
  }

  bool parse_error(size_t, const std::string&, const json::exception& error) { source_.fail_json(error); }

  void finish() const {
    if (!found_) source_.fail("lacks the key " + in_quotes(format_.name));
  }

 private:
  const std::vector<RecordField>& fields() const { return format_.fields; }
  bool at_array() const { return depth_ == array_depth_ && (!format_.in_object || key_ == format_.name); }
  bool at_record() const { return in_array_ && depth_ == array_depth_ + 1; }
  bool at_field() const { return in_array_ && depth_ == array_depth_ + 2 && field_ < fields().size(); }

  template <class Slot>
  const Slot* slot_of() const {
    return at_field() ? std::get_if<Slot>(&fields()[field_].value) : nullptr;
  }

  bool open() {
    ++depth_;
    return true;
  }

  bool accept() {
    seen_ |= uint64_t{1} << field_;
    return true;
  }

  /// A value of a kind that does not belong where it stands; nothing is said of keys that are passed over.
  bool refuse(const std::string& kind) {
    if (depth_ == 0) {
      const std::string wanted = format_.in_object ? "an object with " + in_quotes(format_.name)
                                                   : "a list of " + format_.name + ", [{...}, ...]";
      source_.fail("holds " + kind + " where " + wanted + " is expected " + source_.place());
    }
    if (at_array()) {
      source_.fail(in_quotes(format_.name) + " is " + kind + ", not an array " + source_.place());
    }
    if (at_record()) {
      begin_record();
      problem("is " + kind + ", not an object");
    } else if (at_field()) {
      static constexpr const char* kWanted[] = {"an integer", "a string", "an array"};
      const RecordField& field = fields()[field_];
      problem(in_quotes(field.key) + " is " + kind + ", not " + kWanted[field.value.index()]);
    } else if (list_ != nullptr && depth_ == array_depth_ + 3) {
      problem(in_quotes(fields()[field_].key) + " has an element that is " + kind + ", not an object");
    } else if (list_ != nullptr && depth_ == array_depth_ + 4 && key_ == fields()[field_].element_key) {
      problem(in_quotes(key_) + " in " + in_quotes(fields()[field_].key) + " is " + kind + ", not a string");
      element_seen_ = true;  // said already
    }
    return true;
  }

  void begin_record() {
    ++index_;
    record_position_ = source_.position();
    seen_ = 0;
    bad_ = false;
    field_ = fields().size();
  }

  void end_record() {
    for (size_t i = 0; i < fields().size() && !bad_; ++i) {
      if ((seen_ >> i & 1) == 0) problem("lacks " + in_quotes(fields()[i].key));
    }
    if (!bad_) format_.on_record();
  }

  /// Tells the first problem of a record.
  void problem(const std::string& what) {
    if (std::exchange(bad_, true)) return;
    const std::string line =
        format_.name + "[" + std::to_string(index_ - 1) + "] " + source_.place(record_position_) + " " + what;
    if (!on_problem_) source_.fail(line);
    on_problem_(source_.path().string() + ": " + line);
  }

  TextSource& source_;
  const RecordFormat& format_;
  const ProblemSink& on_problem_;
  const size_t array_depth_;  // open containers around the array of records

  size_t depth_ = 0;
  std::string key_;        // the last key read
  bool found_ = false;     // the array has been met
  bool in_array_ = false;  // and is open
  size_t index_ = 0;       // records met
  size_t record_position_ = 0;
  bool bad_ = false;                          // a problem of this record has been told
  uint64_t seen_ = 0;                         // bit i: field i has its value
  size_t field_ = 0;                          // the field of the last key of the record, or fields().size()
  std::vector<std::string>* list_ = nullptr;  // the list that is open
  bool element_seen_ = false;                 // its open element has had its key
};

}  // namespace

void read_records(const std::filesystem::path& path, const RecordFormat& format, const ProblemSink& on_problem) {
  TextSource source(path);
  RecordEvents events(source, format, on_problem);
  json::sax_parse(source.begin(), source.end(), &events);
  events.finish();
}

}  // namespace data
