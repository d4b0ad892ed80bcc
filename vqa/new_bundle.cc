#include "vqa/new_bundle.h"

#include <utility>

namespace vqa {

Bundle new_bundle(const Config& config, const data::Split& train, const FeatureOptions& features) {
  const ModelConfig& model = config.model;
  // First, since it looks at every question.
  auto tokenizer = text::build_tokenizer(train.questions(), tokenizer_options(model));
  return make_bundle(config, data::AnswerVocabulary::build(train.annotations(), model.min_answer_count),
                     std::move(tokenizer), features);
}

}  // namespace vqa
