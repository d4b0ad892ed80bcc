// Models that openvqa and mcan-vqa trained, as bundles.
#pragma once

#include <filesystem>
#include <vector>

#include "vqa/bundle.h"

namespace vqa {

/// A checkpoint, and what it was trained with that it does not hold.
struct OpenvqaSources {
  std::filesystem::path checkpoint;
  std::vector<std::filesystem::path> questions;  // of which the word list was made, in that order
  std::filesystem::path answers;                 // answer_dict.json
  int64_t heads = 8;                             // MULTI_HEAD
  FeatureOptions features = {};  // that it is to be used with; its making is not known where there are none
};

/// The answers of an answer_dict.json, `[{answer: id}, {"id": answer}]`, by id. Throws std::runtime_error with the path
/// where it is none, or its two halves differ.
data::AnswerVocabulary read_openvqa_answers(const std::filesystem::path& path);

/// The words that openvqa and mcan-vqa find in these files of questions (their data loaders' `tokenize`), in the order
/// in which they first appear. Throws std::runtime_error with the path of a file that holds no questions.
std::shared_ptr<const text::Tokenizer> read_openvqa_words(const std::vector<std::filesystem::path>& questions,
                                                          int64_t max_tokens);

/// The bundle of a checkpoint. Throws as the functions above, as read_openvqa_checkpoint and as make_bundle do, and
/// std::runtime_error where words, answers or features are not as many as the checkpoint has rows for.
Bundle import_openvqa(const OpenvqaSources& sources);

}  // namespace vqa
