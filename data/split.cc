#include "data/split.h"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace data {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

/// FNV-1a (RFC 9923), 64 bits.
class Fingerprint {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) value_ = (value_ ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
    value_ = (value_ ^ 0xff) * 0x100000001b3u;  // ends the text: no UTF-8 holds this byte
  }
  void add(int64_t number) { add(std::string_view(reinterpret_cast<const char*>(&number), sizeof number)); }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

}  // namespace

Split Split::open(const fs::path& dir, const std::string& names, const SplitOptions& options) {
  const std::vector<SplitLayout> layouts = parse_splits(names);
  if (!fs::is_directory(dir)) fail(dir, "is no folder");
  Split split;
  for (const SplitLayout& layout : layouts) {
    split.name_.append(split.name_.empty() ? "" : "+").append(layout.name);
    split.append(dir, layout, options);
  }
  // Questions of a split without annotations follow others that have them.
  if (!split.annotations_.empty()) split.annotations_.resize(split.questions_.size());
  return split;
}

bool Split::annotated() const {
  return !annotations_.empty() && std::none_of(annotations_.begin(), annotations_.end(),
                                               [](const Annotation& each) { return each.answers.empty(); });
}

uint64_t Split::fingerprint() const {
  Fingerprint all;
  for (const Question& question : questions_) {
    all.add(question.question_id);
    all.add(question.image_id);
    all.add(question.text);
  }
  for (const Annotation& annotation : annotations_) {
    for (const std::string& answer : annotation.answers) all.add(answer);
  }
  return all.value();
}

void Split::append(const fs::path& dir, const SplitLayout& layout, const SplitOptions& options) {
  const fs::path path = questions_path(dir, layout);
  const size_t begin = questions_.size();
  for (Question& question : read_questions(path)) questions_.push_back(std::move(question));
  if (questions_.size() == begin) fail(path, "holds no questions");
  refuse_repeated_questions(path);

  const fs::path annotations = annotations_path(dir, layout);
  if (options.annotations_required || fs::exists(annotations)) append_annotations(annotations, begin);
  append_images(ImageFolder(dir, layout), begin, options.images_required);
}

void Split::refuse_repeated_questions(const fs::path& path) const {
  std::unordered_set<int64_t> ids;
  ids.reserve(questions_.size());
  for (const Question& question : questions_) {
    if (!ids.insert(question.question_id).second) {
      fail(path, "question " + std::to_string(question.question_id) + " stands twice in " + name_);
    }
  }
}

void Split::append_annotations(const fs::path& path, size_t begin) {
  std::unordered_map<int64_t, size_t> index;  // by question id
  index.reserve(questions_.size() - begin);
  for (size_t i = begin; i < questions_.size(); ++i) index[questions_[i].question_id] = i;

  annotations_.resize(questions_.size());
  for (Annotation& annotation : read_annotations(path)) {
    const std::string id = std::to_string(annotation.question_id);
    const auto found = index.find(annotation.question_id);
    if (found == index.end()) fail(path, "annotation of question " + id + ": the questions file has no such question");
    Annotation& place = annotations_[found->second];
    if (!place.answers.empty()) fail(path, "question " + id + " has two annotations");
    if (annotation.image_id != questions_[found->second].image_id) {
      fail(path, "annotation of question " + id + " is about image " + std::to_string(annotation.image_id) +
                     ", the question about image " + std::to_string(questions_[found->second].image_id));
    }
    place = std::move(annotation);
  }
  for (size_t i = begin; i < questions_.size(); ++i) {
    if (annotations_[i].answers.empty()) {
      fail(path, "question " + std::to_string(questions_[i].question_id) + " has no annotation");
    }
  }
}

void Split::append_images(const ImageFolder& folder, size_t begin, bool required) {
  if (required && !folder.exists()) fail(folder.path(), "no such folder of images");
  std::unordered_map<int64_t, size_t> index;  // by image id, within one folder
  for (size_t i = begin; i < questions_.size(); ++i) {
    const int64_t id = questions_[i].image_id;
    const auto [found, is_new] = index.try_emplace(id, images_.size());
    if (is_new) {
      std::optional<fs::path> path = folder.find(id);
      if (!path && required) {
        fail(folder.path() / folder.file_name(id),
             "missing, nor is there a .png: the image of question " + std::to_string(questions_[i].question_id));
      }
      images_.push_back({id, folder.name(), path.value_or(fs::path()), {}});
    }
    images_[found->second].questions.push_back(i);
  }
}

}  // namespace data
