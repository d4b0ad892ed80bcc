// One or several splits of VQA-v2 (or of a data set in its layout): questions, their annotations and images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/annotation.h"
#include "data/layout.h"
#include "data/question.h"

namespace data {

struct Image {
  int64_t id = 0;
  std::string_view folder;        // its folder's name: "val2014"
  std::filesystem::path path;     // empty where the file is missing and images are not required
  std::vector<size_t> questions;  // indices into Split::questions()
};

struct SplitOptions {
  bool annotations_required = true;  // refuse a split without its annotations file
  bool images_required = true;       // refuse a question whose image file is missing
};

class Split {
 public:
  /// Opens the splits in `names` (see parse_splits) of the folder `dir`, one after the other. Throws
  /// std::invalid_argument for unknown names and std::runtime_error with path and id for: a question without
  /// annotation, an annotation without question or about another image, a question id that stands twice, and, where
  /// required, a question whose image file is missing.
  static Split open(const std::filesystem::path& dir, const std::string& names, const SplitOptions& options = {});

  /// The names in short form: "train+val".
  const std::string& name() const { return name_; }
  const std::vector<Question>& questions() const { return questions_; }
  /// Parallel to questions(). Empty where no split has an annotations file; where only some have one, the others'
  /// questions have annotations without answers.
  const std::vector<Annotation>& annotations() const { return annotations_; }
  /// Whether every question has answers to score with.
  bool annotated() const;
  /// One number from all ids, questions and answers: that of other data is, but for one chance in 2^64, another.
  uint64_t fingerprint() const;
  /// Each distinct image once, in the order in which questions first name it.
  const std::vector<Image>& images() const { return images_; }

 private:
  void append(const std::filesystem::path& dir, const SplitLayout& layout, const SplitOptions& options);
  void append_annotations(const std::filesystem::path& path, size_t begin);
  void append_images(const ImageFolder& folder, size_t begin, bool required);
  void refuse_repeated_questions(const std::filesystem::path& path) const;

  std::string name_;
  std::vector<Question> questions_;
  std::vector<Annotation> annotations_;
  std::vector<Image> images_;
};

}  // namespace data
