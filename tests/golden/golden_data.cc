#include "tests/golden/golden_data.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/answer_text.h"
#include "data/json_file.h"
#include "data/layout.h"
#include "data/results.h"
#include "data/vqa_accuracy.h"

namespace golden {
namespace fs = std::filesystem;

namespace {

/// `name` in `folder`, or its gzip form.
fs::path plain_or_gz(const fs::path& folder, const std::string& name) {
  return fs::exists(folder / name) ? folder / name : folder / (name + ".gz");
}

double difference(double ours, const nlohmann::json& theirs) {
  return theirs.is_number() ? std::abs(ours - theirs.get<double>()) : std::numeric_limits<double>::infinity();
}

/// The largest difference over everything the golden file holds.
double largest_difference(const data::AccuracyReport& ours, const nlohmann::json& theirs) {
  const nlohmann::json parsed = nlohmann::json::parse(data::to_json(ours));
  double largest = difference(ours.overall, theirs.at("accuracy").at("overall"));
  const auto compare = [&](const nlohmann::json& mine, const nlohmann::json& golden) {
    if (mine.size() != golden.size()) largest = std::numeric_limits<double>::infinity();
    for (const auto& [key, value] : golden.items()) {
      largest = std::max(largest, mine.contains(key) ? difference(mine.at(key).get<double>(), value)
                                                     : std::numeric_limits<double>::infinity());
    }
  };
  compare(parsed.at("accuracy").at("perAnswerType"), theirs.at("accuracy").at("perAnswerType"));
  compare(parsed.at("accuracy").at("perQuestionType"), theirs.at("accuracy").at("perQuestionType"));
  if (theirs.contains("evalQA")) compare(parsed.at("evalQA"), theirs.at("evalQA"));
  return largest;
}

}  // namespace

std::vector<Comparison> evaluator(const fs::path& folder, uint32_t) {
  const fs::path eval = folder / "eval";
  const auto split = data::parse_splits("val").front();
  fs::path annotations_path = data::annotations_path(eval, split);
  if (!fs::exists(annotations_path)) annotations_path = data::annotations_path(folder / ".." / "vqa2-60k", split);
  const auto annotations = data::read_annotations(annotations_path);
  const auto results = data::read_results(plain_or_gz(eval, "predictions.json"));

  const nlohmann::json texts = data::read_json(plain_or_gz(eval, "normalized.json"));
  size_t wrong = texts.empty() ? 1 : 0;
  for (const auto& row : texts) {
    wrong += data::normalize_answer(row.at("in").get<std::string>()) != row.at("out").get<std::string>();
  }
  std::vector<Comparison> comparisons{
      {"normalized", static_cast<double>(wrong) / static_cast<double>(std::max<size_t>(1, texts.size())), 0}};
  for (const auto& [name, rule] :
       {std::pair{"accuracy", data::AccuracyRule::kOfficial}, {"accuracy_classic", data::AccuracyRule::kClassic}}) {
    const auto golden = data::read_json(plain_or_gz(eval, std::string(name) + ".json"));
    comparisons.push_back({name, largest_difference(data::score(annotations, results, rule), golden), 0});
  }
  return comparisons;
}

}  // namespace golden
