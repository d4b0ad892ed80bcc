#include "vqa/new_bundle.h"

#include <utility>

#include "text/sentencepiece_tokenizer.h"

namespace vqa {
namespace {

std::shared_ptr<const text::Tokenizer> tokenizer_for(const data::Split& train, const ModelConfig& config,
                                                     const QuestionSources& sources) {
  if (sources.albert != nullptr) return tokenizer_of(*sources.albert, config);
  if (!sources.tokenizer.empty()) return read_tokenizer(sources.tokenizer, config);
  return text::build_tokenizer(train.questions(), tokenizer_options(config));
}

}  // namespace

Bundle new_bundle(const Config& config, const data::Split& train, const FeatureOptions& features,
                  const QuestionSources& questions) {
  Config chosen = config;
  if (questions.albert != nullptr) take_settings(*questions.albert, chosen.model);
  // Before the answers, since it looks at every question.
  auto tokenizer = tokenizer_for(train, chosen.model, questions);
  if (tokenizer->kind() == text::SentencePieceTokenizer::kKind)
    chosen.model.vocabulary_size = tokenizer->vocabulary_size();
  Bundle bundle = make_bundle(chosen, data::AnswerVocabulary::build(train.annotations(), chosen.model.min_answer_count),
                              std::move(tokenizer), features);
  if (questions.albert != nullptr) load_question_encoder(*questions.albert, bundle);
  return bundle;
}

}  // namespace vqa
