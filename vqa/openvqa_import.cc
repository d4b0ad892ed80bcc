#include "vqa/openvqa_import.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/grouped.h"
#include "data/json_file.h"
#include "data/json_records.h"
#include "data/skip_init.h"
#include "text/words_tokenizer.h"
#include "vqa/openvqa_checkpoint.h"

namespace vqa {
namespace fs = std::filesystem;
using data::grouped;
using nlohmann::json;

namespace {

constexpr const char* kQuestionOrder = "the question files in openvqa's order are train, val, test, then Visual Genome";

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

/// Only the texts: openvqa's file for Visual Genome is VQA-v2's in nothing else.
std::vector<data::Question> read_texts(const fs::path& path) {
  std::vector<data::Question> questions;
  data::Question question;
  data::read_records(path,
                     {.name = "questions",
                      .fields = {{"question", &question.text}},
                      .on_record = [&] { questions.push_back(std::move(question)); }},
                     {});
  if (questions.empty()) fail(path, "holds no questions to find words in");
  return questions;
}

/// The answers by id of the first half of an answer_dict.json.
std::vector<std::string> texts_by_id(const fs::path& path, const json& ids) {
  std::vector<std::string> texts(ids.size());
  std::vector<bool> given(ids.size());
  for (const auto& [text, id] : ids.items()) {
    const auto at = id.is_number_unsigned() ? id.get<uint64_t>() : ids.size();
    if (at >= ids.size() || given[at])
      fail(path, "the ids of its answers are not 0 to " + std::to_string(ids.size() - 1) + ", each once");
    given[at] = true;
    texts[at] = text;
  }
  return texts;
}

void require_words(const OpenvqaCheckpoint& checkpoint, const text::Tokenizer& tokenizer) {
  const int64_t found = tokenizer.vocabulary_size() + extra_rows(checkpoint.dialect);
  if (found == checkpoint.words) return;
  fail(checkpoint.path, "has embeddings for " + grouped(checkpoint.words) + " words, the questions give " +
                            grouped(found) + " with " + checkpoint.dialect.special_words + "; " + kQuestionOrder);
}

void require_answers(const OpenvqaCheckpoint& checkpoint, const fs::path& path, int64_t found) {
  if (found == checkpoint.answers) return;
  fail(path, "holds " + grouped(found) + " answers, " + checkpoint.path.string() + " was trained on " +
                 grouped(checkpoint.answers) + "; give the file of that training");
}

void require_channels(const OpenvqaCheckpoint& checkpoint, const data::GridStore& store) {
  if (store.channels() == checkpoint.channels) return;
  fail(store.path(), "has " + std::to_string(store.channels()) + " channels, " + checkpoint.path.string() + " takes " +
                         std::to_string(checkpoint.channels));
}

}  // namespace

data::AnswerVocabulary read_openvqa_answers(const fs::path& path) {
  const json dictionary = data::read_json(path);
  if (!dictionary.is_array() || dictionary.size() != 2 || !dictionary[0].is_object() || !dictionary[1].is_object())
    fail(path, "is no answer_dict.json: a list of {answer: id} and {id: answer}");
  const std::vector<std::string> texts = texts_by_id(path, dictionary[0]);
  for (size_t id = 0; id < texts.size(); ++id) {
    const auto back = dictionary[1].find(std::to_string(id));
    if (dictionary[1].size() != texts.size() || back == dictionary[1].end() || *back != texts[id])
      fail(path, "its halves differ in the answer of id " + std::to_string(id) + "; it is damaged");
  }
  try {
    return data::AnswerVocabulary::of(texts);
  } catch (const std::runtime_error& error) {
    fail(path, error.what());
  }
}

std::shared_ptr<const text::Tokenizer> read_openvqa_words(const std::vector<fs::path>& questions, int64_t max_tokens) {
  std::vector<data::Question> all;
  for (const fs::path& path : questions) {
    std::vector<data::Question> read = read_texts(path);
    all.insert(all.end(), std::make_move_iterator(read.begin()), std::make_move_iterator(read.end()));
  }
  return text::WordsTokenizer::build(all, {.max_tokens = max_tokens});
}

Bundle import_openvqa(const OpenvqaSources& sources) {
  if (sources.features.store == nullptr && !sources.features.weights.empty())
    throw std::invalid_argument("weights: those that made a store's features are meant; there is no store");
  const OpenvqaCheckpoint checkpoint = read_openvqa_checkpoint(sources.checkpoint, sources.heads);
  if (sources.features.store != nullptr) require_channels(checkpoint, *sources.features.store);
  data::AnswerVocabulary answers = read_openvqa_answers(sources.answers);
  require_answers(checkpoint, sources.answers, answers.size());
  auto tokenizer = read_openvqa_words(sources.questions, checkpoint.config.model.max_tokens);
  require_words(checkpoint, *tokenizer);

  FeatureOptions features = sources.features;
  features.channels = checkpoint.channels;
  const data::SkipInit undefined;
  Bundle bundle = make_bundle(checkpoint.config, std::move(answers), std::move(tokenizer), features);
  load_openvqa(checkpoint, *bundle.model);
  return bundle;
}

}  // namespace vqa
