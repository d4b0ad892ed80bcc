#include "data/shapes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "data/atomic_folder.h"
#include "data/layout.h"
#include "data/shapes_paint.h"

namespace data {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMadeBy = "Shapes: drawn scenes and questions";

std::span<const SplitLayout> written_splits() { return known_splits().first(2); }  // train and val

/// A file in the temporary folder; messages name the place that it is to have.
class PlainFile {
 public:
  PlainFile(const fs::path& path, const fs::path& shown) : shown_(shown), out_(path, std::ios::binary) { check(); }

  void write(std::string_view bytes) {
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    check();
  }
  void close() {
    out_.close();
    check();
  }

 private:
  void check() const {
    if (!out_) throw std::runtime_error(shown_.string() + ": cannot be written: " + std::strerror(errno));
  }

  fs::path shown_;
  std::ofstream out_;
};

/// Where the files are written, and where they are to be.
struct Folders {
  fs::path now;
  fs::path later;
};

/// What stands before the records of both files of a split.
std::string json_head(const SplitLayout& split, const ShapesOptions& options, bool questions) {
  const auto number = [](int64_t value) { return std::to_string(value); };
  std::string head = "{\"info\": {\"description\": \"" + std::string(kMadeBy);
  head += ", seed " + number(options.seed) + ", " + number(options.images) + " training and " +
          number(options.validation_images) + " validation images of " + number(options.image_size) + " pixels, " +
          number(options.min_objects) + " to " + number(options.max_objects) + " objects\"";
  head += ", \"url\": \"\", \"version\": \"2.0\", \"year\": 2026, \"contributor\": \"vqa data shapes\"}";
  head += ", \"license\": {\"name\": \"Apache License 2.0\", \"url\": \"http://www.apache.org/licenses/LICENSE-2.0\"}";
  head += ", \"data_type\": \"mscoco\", \"data_subtype\": \"" + std::string(split.long_name) + "\"";
  head += questions ? ", \"task_type\": \"Open-Ended\", \"questions\": [\n" : ", \"annotations\": [\n";
  return head;
}

// Nothing of a question needs escaping in JSON: its words are letters, digits, spaces, '/' and '?'.

std::string question_json(const ShapesQuestion& question, int64_t image_id, int64_t question_id) {
  return "{\"image_id\": " + std::to_string(image_id) + ", \"question\": \"" + question.text +
         "\", \"question_id\": " + std::to_string(question_id) + "}";
}

std::string annotation_json(const ShapesQuestion& question, int64_t image_id, int64_t question_id) {
  std::string json = "{\"question_type\": \"" + question.question_type + "\", \"multiple_choice_answer\": \"" +
                     question.answer + "\", \"answers\": [";
  for (int answer_id = 1; answer_id <= 10; ++answer_id) {
    json += "{\"answer\": \"" + question.answer +
            "\", \"answer_confidence\": \"yes\", \"answer_id\": " + std::to_string(answer_id) +
            (answer_id < 10 ? "}, " : "}]");
  }
  return json + ", \"image_id\": " + std::to_string(image_id) + ", \"answer_type\": \"" + question.answer_type +
         "\", \"question_id\": " + std::to_string(question_id) + "}";
}

/// The two JSON files and the image folder of one split.
class SplitFiles {
 public:
  SplitFiles(const Folders& folders, const SplitLayout& split, const ShapesOptions& options)
      : folders_(folders),
        split_(split),
        image_size_(options.image_size),
        painter_(options.layout()),
        questions_(questions_path(folders.now, split), questions_path(folders.later, split)),
        annotations_(annotations_path(folders.now, split), annotations_path(folders.later, split)) {
    std::error_code error;
    fs::create_directory(folders.now / split.long_name, error);
    if (error) throw std::runtime_error((folders.later / split.long_name).string() + ": " + error.message());
    questions_.write(json_head(split, options, true));
    annotations_.write(json_head(split, options, false));
  }

  void add(const ShapesExample& example) {
    int64_t question_id = 1000 * example.image_id;
    for (const ShapesQuestion& question : example.questions) {
      const std::string_view separator = empty_ ? "" : ",\n";
      empty_ = false;
      questions_.write(std::string(separator) + question_json(question, example.image_id, question_id));
      annotations_.write(std::string(separator) + annotation_json(question, example.image_id, question_id));
      ++question_id;
    }
    const fs::path name = fs::path(split_.image_split) / image_file_name(split_, example.image_id, ".png");
    PlainFile image(folders_.now / name, folders_.later / name);
    image.write(stored_png(painter_.paint(example.scene), image_size_));
    image.close();
  }

  void close() {
    for (PlainFile* file : {&questions_, &annotations_}) {
      file->write("\n]}\n");
      file->close();
    }
  }

 private:
  Folders folders_;
  SplitLayout split_;
  int64_t image_size_;
  ShapesPainter painter_;
  PlainFile questions_;
  PlainFile annotations_;
  bool empty_ = true;
};

class Counter {
 public:
  void add(const ShapesExample& example) {
    const bool training = example.split.name == written_splits()[0].name;
    (training ? report_.training_images : report_.validation_images) += 1;
    (training ? report_.training_questions : report_.validation_questions) += example.questions.size();
    for (const ShapesQuestion& question : example.questions) {
      answers_.insert(question.answer);
      add_words(question.text);
    }
  }
  ShapesReport report() {
    report_.words = static_cast<int64_t>(words_.size());
    report_.answers = static_cast<int64_t>(answers_.size());
    return report_;
  }

 private:
  void add_words(std::string text) {
    text.back() = ' ';                                 // the question mark
    text[0] = static_cast<char>(text[0] - 'A' + 'a');  // all questions begin with a capital
    for (size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = text.find(' ', begin);
      words_.insert(text.substr(begin, end - begin));
    }
  }

  ShapesReport report_;
  std::set<std::string> answers_;
  std::set<std::string> words_;
};

/// Whether the folder holds images of the split, named as write_shapes names them, and nothing else.
bool holds_only_images(const fs::path& folder, const SplitLayout& split) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("COCO_" + std::string(split.image_split)) || !name.ends_with(".png")) return false;
  }
  return true;
}

/// Whether `dir` holds a set that write_shapes made, and nothing besides.
bool holds_only_shapes(const fs::path& dir) {
  std::set<fs::path> expected;
  for (const SplitLayout& split : written_splits()) {
    const fs::path images = dir / split.image_split;
    if (!fs::is_directory(images) || !holds_only_images(images, split)) return false;
    std::string head(json_head(split, {}, true).find(kMadeBy) + kMadeBy.size(), '\0');
    std::ifstream(questions_path(dir, split)).read(head.data(), static_cast<std::streamsize>(head.size()));
    if (!head.ends_with(kMadeBy)) return false;
    expected.insert({questions_path(dir, split), annotations_path(dir, split), images});
  }
  return std::all_of(fs::directory_iterator(dir), {},
                     [&](const fs::directory_entry& entry) { return expected.contains(entry.path()); });
}

/// Throws unless `dir` may be written: it is absent, empty, or an earlier set.
void check_replaceable(const fs::path& dir) {
  try {
    if (!fs::is_directory(dir) || fs::is_empty(dir) || holds_only_shapes(dir)) return;
  } catch (const fs::filesystem_error& error) {
    throw std::runtime_error(dir.string() + ": cannot be read: " + error.code().message());
  }
  throw std::runtime_error(dir.string() + ": holds files that are no shapes set; name a new or an empty folder");
}

}  // namespace

ShapesReport write_shapes(const fs::path& dir, const ShapesOptions& options,
                          const std::function<void(int64_t done, int64_t total)>& progress) {
  ShapesStream stream(options);
  check_replaceable(dir);
  AtomicFolder folder(dir);
  Counter counter;
  const Folders folders = {folder.path(), dir};
  SplitFiles training(folders, written_splits()[0], options);
  SplitFiles validation(folders, written_splits()[1], options);
  for (ShapesExample example; stream.next(example);) {
    (example.split.name == written_splits()[0].name ? training : validation).add(example);
    counter.add(example);
    if (progress) progress(example.image_id, options.images + options.validation_images);
  }
  training.close();
  validation.close();
  folder.commit();
  return counter.report();
}

}  // namespace data
