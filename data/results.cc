#include "data/results.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "data/atomic_file.h"
#include "data/json_records.h"

namespace data {

std::vector<Result> read_results(const std::filesystem::path& path) {
  std::vector<Result> results;
  std::unordered_set<int64_t> ids;
  Result result;
  RecordFormat format;
  format.name = "results";
  format.in_object = false;
  format.fields = {{"question_id", &result.question_id}, {"answer", &result.answer}};
  format.on_record = [&] {
    if (!ids.insert(result.question_id).second) {
      throw std::runtime_error(path.string() + ": question " + std::to_string(result.question_id) +
                               " has two results; each question is answered once");
    }
    results.push_back(std::move(result));
  };
  read_records(path, format, {});
  return results;
}

void write_results(const std::filesystem::path& path, const std::vector<Result>& results) {
  AtomicFile file(path);
  const char* separator = "[";
  for (const Result& result : results) {
    const nlohmann::ordered_json record = {{"question_id", result.question_id}, {"answer", result.answer}};
    try {
      file.write(separator + record.dump());
    } catch (const nlohmann::json::type_error&) {
      throw std::runtime_error(path.string() + ": the answer to question " + std::to_string(result.question_id) +
                               " is not UTF-8");
    }
    separator = ",\n ";
  }
  file.write(results.empty() ? "[]\n" : "]\n");
  file.commit();
}

}  // namespace data
