// What a new model's reading of questions may begin with: other people's files.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "text/albert_folder.h"
#include "vqa/bundle.h"
#include "vqa/question_store.h"

namespace vqa {

/// What a new model's question side is made from, beside the training questions.
struct QuestionSources {
  const text::AlbertFolder* albert = nullptr;  // its settings, weights and tokenizer; null for none
  std::filesystem::path tokenizer;             // a SentencePiece model, in place of a trained one; empty for none
};

/// The question side's settings as a folder's ALBERT has them.
void take_settings(const text::AlbertFolder& albert, ModelConfig& config);

/// A SentencePiece model's file, or the one in a folder, as a tokenizer with the settings of `config`. Throws
/// std::runtime_error with the path where it is none.
std::shared_ptr<const text::Tokenizer> read_tokenizer(const std::filesystem::path& spiece, const ModelConfig& config);

/// The folder's tokenizer, with the settings of `config`. Throws std::runtime_error with the path where the file is no
/// SentencePiece model or has more pieces than the ALBERT has embeddings.
std::shared_ptr<const text::Tokenizer> tokenizer_of(const text::AlbertFolder& albert, const ModelConfig& config);

/// Puts the folder's weights into a model with its settings and tokenizer. Embeddings of pieces that the tokenizer
/// does not have are left out.
void load_question_encoder(const text::AlbertFolder& albert, Bundle& bundle);

/// The encoder of a bundle with freeze-question, which the bundle has to outlive. Changes with any of its weights and
/// with any setting of the model.
FrozenQuestionEncoder frozen_question_encoder(const Bundle& bundle);

/// Gives the words of an LSTM their vectors from a file, and says how many were found: "5,310 of 6,292 words". Throws
/// std::runtime_error as text::read_word_vectors does, and std::invalid_argument where the model has no words.
std::string load_word_vectors(const std::filesystem::path& file, Bundle& bundle);

}  // namespace vqa
