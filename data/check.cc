#include "data/check.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <future>
#include <map>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "data/annotation.h"
#include "data/answer_vocabulary.h"
#include "data/grouped.h"
#include "data/layout.h"
#include "data/question.h"
#include "data/settings.h"

namespace data {
namespace fs = std::filesystem;

namespace {

// How many problems of one kind get a line of their own.
constexpr size_t kLinesPerKind = 5;

/// Problems by file and kind, in order of first appearance.
class Problems {
 public:
  void add(const fs::path& path, const std::string& kind, const std::string& line) {
    const auto [found, is_new] = index_.try_emplace(path.string() + ": further " + kind, kinds_.size());
    if (is_new) kinds_.push_back({found->first, {}, 0});
    Kind& group = kinds_[found->second];
    if (++group.count <= kLinesPerKind) group.lines.push_back(line);
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const Kind& group : kinds_) {
      all.insert(all.end(), group.lines.begin(), group.lines.end());
      if (group.count > kLinesPerKind) all.push_back(group.title + ": " + std::to_string(group.count - kLinesPerKind));
    }
    return all;
  }

 private:
  struct Kind {
    std::string title;
    std::vector<std::string> lines;
    size_t count = 0;
  };
  std::map<std::string, size_t> index_;
  std::vector<Kind> kinds_;
};

std::string question_name(int64_t id) { return "question " + std::to_string(id); }

template <class Record>
struct Loaded {
  std::optional<std::vector<Record>> records;  // nothing where the file as a whole was refused
  std::vector<std::string> bad_records;
  std::string error;
};

template <class Record>
Loaded<Record> load(const fs::path& path, std::vector<Record> (*reader)(const fs::path&, const ProblemSink&)) {
  Loaded<Record> loaded;
  try {
    loaded.records = reader(path, [&](const std::string& line) { loaded.bad_records.push_back(line); });
  } catch (const std::runtime_error& error) {
    loaded.error = error.what();
  }
  return loaded;
}

/// Gathers the report of one folder, split by split.
class Checker {
 public:
  Checker(const fs::path& dir, int64_t min_answer_count) {
    report_.dir = dir;
    report_.min_answer_count = min_answer_count;
  }

  void check(const SplitLayout& layout) {
    const fs::path questions_file = questions_path(report_.dir, layout);
    const fs::path annotations_file = annotations_path(report_.dir, layout);
    SplitReport split;
    split.name = layout.long_name;
    split.has_annotations_file = fs::exists(annotations_file);
    if (!fs::exists(questions_file) && !split.has_annotations_file) return;

    // The two files are read side by side: the annotations take four fifths of the time.
    const bool annotated = split.has_annotations_file || layout.annotated;
    auto annotations = std::async(std::launch::async, [&] {
      return annotated ? load(annotations_file, &read_annotations) : Loaded<Annotation>();
    });
    const auto questions = tell(questions_file, load(questions_file, &read_questions));
    if (questions) check_questions(questions_file, layout, *questions, split);
    if (const auto found = tell(annotations_file, annotations.get())) {
      count(layout, *found, split);
      if (questions) check_annotations(annotations_file, layout, *questions, *found);
    }
    report_.splits.push_back(std::move(split));
  }

  DataReport finish() {
    // test-dev's images are test's.
    std::sort(report_.image_files.begin(), report_.image_files.end());
    report_.image_files.erase(std::unique(report_.image_files.begin(), report_.image_files.end()),
                              report_.image_files.end());
    report_.problems = problems_.lines();
    if (report_.splits.empty()) {
      report_.problems.push_back(report_.dir.string() + ": holds no questions or annotations; expected is " +
                                 questions_path({}, known_splits().front()).string() + " or that of another split");
    }
    report_.ok = report_.problems.empty();
    return std::move(report_);
  }

 private:
  /// Tells what was wrong with a file, and hands on what was not.
  template <class Record>
  std::optional<std::vector<Record>> tell(const fs::path& path, Loaded<Record> loaded) {
    for (const std::string& line : loaded.bad_records) problems_.add(path, "bad records", line);
    if (!loaded.error.empty()) problems_.add(path, "errors", loaded.error);
    return std::move(loaded.records);
  }

  void problem(const fs::path& path, const std::string& kind, const std::string& what) {
    problems_.add(path, kind, path.string() + ": " + what);
  }

  void check_questions(const fs::path& path, const SplitLayout& layout, const std::vector<Question>& questions,
                       SplitReport& split) {
    split.questions = static_cast<int64_t>(questions.size());
    if (questions.empty()) problem(path, "empty files", "holds no questions");
    const ImageFolder folder(report_.dir, layout);
    std::unordered_set<int64_t> images;
    known_.reserve(known_.size() + questions.size());
    for (const Question& question : questions) {
      const std::string name = question_name(question.question_id);
      if (question.text.empty()) problem(path, "questions without text", name + " is empty");
      register_question(path, layout, question);
      if (!images.insert(question.image_id).second || !folder.exists()) continue;
      if (auto present = folder.find(question.image_id)) {
        ++split.images_present;
        report_.image_files.push_back(std::move(*present));
      } else {
        const fs::path file = folder.path() / folder.file_name(question.image_id);
        problems_.add(folder.path(), "missing images", file.string() + ": missing, the image of " + name);
      }
    }
    split.images = static_cast<int64_t>(images.size());
    if (!folder.exists() && !images.empty()) {
      problem(folder.path(), "folders", "no such folder; its " + std::to_string(images.size()) + " images are missing");
    }
  }

  /// test-dev's questions are among test's by design; train's and val's are to be distinct.
  void register_question(const fs::path& path, const SplitLayout& layout, const Question& question) {
    const Known now{layout.long_name, question.image_id, layout.annotated, false};
    const auto [found, is_new] = known_.try_emplace(question.question_id, now);
    if (is_new) return;
    const Known before = std::exchange(found->second, now);
    const std::string name = question_name(question.question_id);
    if (before.split == now.split) {
      problem(path, "repeated question ids", name + " stands twice");
    } else if (before.distinct && now.distinct) {
      problem(path, "questions of another split", name + " stands in " + std::string(before.split) + " too");
    }
  }

  void count(const SplitLayout& layout, const std::vector<Annotation>& annotations, SplitReport& split) {
    split.annotations = static_cast<int64_t>(annotations.size());
    for (const Annotation& annotation : annotations) split.answers += static_cast<int64_t>(annotation.answers.size());
    if (layout.name != "train" || annotations.empty()) return;
    int64_t covered = 0;
    for (const auto& [text, occurrences] : count_answers(annotations)) {
      if (occurrences < report_.min_answer_count) break;
      ++report_.kept_answers;
      covered += occurrences;
    }
    report_.covered_questions = static_cast<double>(covered) / static_cast<double>(annotations.size());
  }

  void check_annotations(const fs::path& path, const SplitLayout& layout, const std::vector<Question>& questions,
                         const std::vector<Annotation>& annotations) {
    for (const Annotation& annotation : annotations) {
      const std::string name = question_name(annotation.question_id);
      const auto found = known_.find(annotation.question_id);
      if (found == known_.end() || found->second.split != layout.long_name) {
        problem(path, "annotations without question", "annotation of " + name + ": there is no such question");
        continue;
      }
      Known& question = found->second;
      if (std::exchange(question.annotated, true)) problem(path, "repeated annotations", name + " has two annotations");
      if (question.image != annotation.image_id) {
        problem(path, "images that differ",
                "annotation of " + name + " is about image " + std::to_string(annotation.image_id) +
                    ", the question about image " + std::to_string(question.image));
      }
    }
    for (const Question& question : questions) {
      if (!known_.at(question.question_id).annotated) {
        problem(path, "questions without annotation", question_name(question.question_id) + " has no annotation");
      }
    }
  }

  /// A question that has been met.
  struct Known {
    std::string_view split;  // the last with this id
    int64_t image = 0;
    bool distinct = false;  // no other split may have it
    bool annotated = false;
  };

  DataReport report_;
  Problems problems_;
  std::unordered_map<int64_t, Known> known_;  // by question id
};

std::string one_decimal(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", number);
  return text.data();
}

std::string pad(const std::string& text, size_t width) {
  return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
}

}  // namespace

DataReport check_data(const fs::path& dir, int64_t min_answer_count) {
  check_at_least("min-answer-count", min_answer_count, 1);
  if (!fs::is_directory(dir)) throw std::runtime_error(dir.string() + ": is no folder");
  Checker checker(dir, min_answer_count);
  for (const SplitLayout& layout : known_splits()) checker.check(layout);
  return checker.finish();
}

std::string to_text(const DataReport& report) {
  std::string text = report.dir.string() + "\n";
  const auto row = [&](const std::string& name, const std::vector<std::string>& cells) {
    text += name + std::string(name.size() < 12 ? 12 - name.size() : 0, ' ');
    for (const std::string& cell : cells) text += pad(cell, 13);
    text += "\n";
  };
  if (!report.splits.empty()) row("split", {"questions", "annotations", "answers", "images", "image files"});
  for (const SplitReport& split : report.splits) {
    row(split.name, {grouped(split.questions), split.has_annotations_file ? grouped(split.annotations) : "none",
                     split.has_annotations_file ? grouped(split.answers) : "none", grouped(split.images),
                     grouped(split.images_present)});
  }
  if (report.covered_questions > 0) {
    text += "answers that occur at least " + grouped(report.min_answer_count) +
            " times in training: " + grouped(report.kept_answers) + ", the answer to " +
            one_decimal(100 * report.covered_questions) + " % of the training questions\n";
  }
  text += report.problems.empty() ? "no problems\n" : "problems:\n";
  for (const std::string& problem : report.problems) text += "  " + problem + "\n";
  return text;
}

}  // namespace data
