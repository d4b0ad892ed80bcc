// A trained model as a folder that moves by copying.
#pragma once

#include <filesystem>
#include <memory>

#include "data/answer_vocabulary.h"
#include "text/tokenizer.h"
#include "vqa/config.h"
#include "vqa/model.h"

namespace vqa {

/// How far the weights of a bundle were trained; kept in the weights' file.
struct TrainingRecord {
  int64_t epochs = 0;    // finished
  int64_t steps = 0;     // taken
  double accuracy = -1;  // on the validation split, percent; negative where it was not measured
};

/// All that is needed to answer: `config.json`, `model.safetensors`, `answers.txt` and the tokenizer's file.
struct Bundle {
  Config config;
  data::AnswerVocabulary answers;
  std::shared_ptr<const text::Tokenizer> tokenizer;
  Model model{nullptr};
  TrainingRecord record;

  /// Reads a bundle's folder, with the model in evaluation mode on `device`. Throws std::runtime_error naming the file
  /// that is missing, truncated or does not fit the others, and for a bundle of a newer format.
  static Bundle load(const std::filesystem::path& folder, torch::Device device = torch::kCPU);

  /// Whether `folder` holds a bundle, complete or begun.
  static bool present(const std::filesystem::path& folder);

  /// Whether a bundle's folder may hold a file of this name.
  static bool is_file(const std::string& name);

  /// Writes all files into an existing folder, each of them atomically, the weights last.
  void write(const std::filesystem::path& folder) const;

  /// Writes the weights and the record alone: what changes between two moments of one training run.
  void write_weights(const std::filesystem::path& folder) const;
};

/// A new, untrained model for a vocabulary of answers and a tokenizer, its weights drawn from `config.training.seed`.
Bundle make_bundle(const Config& config, data::AnswerVocabulary answers,
                   std::shared_ptr<const text::Tokenizer> tokenizer);

}  // namespace vqa
