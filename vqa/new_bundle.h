// A model to be trained, from the questions and answers that it is to learn.
#pragma once

#include "data/split.h"
#include "vqa/bundle.h"
#include "vqa/question_model.h"

namespace vqa {

/// A new model for the questions of `train` and those of its answers that are frequent enough: builds the tokenizer and
/// the answer vocabulary that `config` asks for, and gives them to make_bundle. With an ALBERT's folder its settings of
/// the question's side are the folder's, and its tokenizer and weights come from there. Throws std::runtime_error with
/// the id of a question that cannot be asked (text/clean.h), where no answer is frequent enough, for files of
/// `questions` that cannot be used, and as make_bundle does.
Bundle new_bundle(const Config& config, const data::Split& train, const FeatureOptions& features = {},
                  const QuestionSources& questions = {});

}  // namespace vqa
