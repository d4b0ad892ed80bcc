#include "data/annotation.h"

#include <stdexcept>
#include <utility>

namespace data {

std::vector<Annotation> read_annotations(const std::filesystem::path& path, const ProblemSink& on_problem) {
  std::vector<Annotation> annotations;
  Annotation annotation;
  RecordFormat format;
  format.name = "annotations";
  format.fields = {{"question_id", &annotation.question_id},
                   {"image_id", &annotation.image_id},
                   {"question_type", &annotation.question_type},
                   {"answer_type", &annotation.answer_type},
                   {"multiple_choice_answer", &annotation.multiple_choice_answer},
                   {"answers", &annotation.answers, "answer"}};
  format.on_record = [&] {
    if (annotation.answers.empty()) {
      const std::string problem =
          path.string() + ": question " + std::to_string(annotation.question_id) + " has no answers";
      if (!on_problem) throw std::runtime_error(problem);
      return on_problem(problem);
    }
    annotations.push_back(std::move(annotation));
    annotation.answers.reserve(annotations.back().answers.size());
  };
  read_records(path, format, on_problem);
  return annotations;
}

}  // namespace data
