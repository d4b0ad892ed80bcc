#include "data/question.h"

#include <utility>

namespace data {

std::vector<Question> read_questions(const std::filesystem::path& path, const ProblemSink& on_problem) {
  std::vector<Question> questions;
  Question question;
  RecordFormat format;
  format.name = "questions";
  format.fields = {
      {"question_id", &question.question_id}, {"image_id", &question.image_id}, {"question", &question.text}};
  format.on_record = [&] { questions.push_back(std::move(question)); };
  read_records(path, format, on_problem);
  return questions;
}

}  // namespace data
